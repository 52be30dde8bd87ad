/** The strip of keyframes: their order, how long the way to the next is and how it is gone, and playback. */

import { thumbnail } from "./figure.js";
import { EASINGS, MOST_FRAMES } from "./interpolation.js";
import { button, choice, html, toggle } from "./page.js";
import { RATES } from "./value.js";

/** @import { EditorState } from "./state.js" */

const named = (/** @type {(string | number)[]} */ values, unit = "") => Object.fromEntries(values.map((value) => [value, `${value}${unit}`]));

export class Strip {
  /** @param {EditorState} state */
  constructor(state) {
    this.state = state;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.frames = html("div", { class: "frames", role: "listbox", "aria-label": "Keyframes" });
    this.frames.addEventListener("keydown", (event) => this.key(event));
    this.playButton = button("▶", "Play the sequence", () => (this.timer === undefined ? this.play() : this.stop()));
    this.where = html("input", { type: "range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Frame of the sequence" });
    this.where.addEventListener("input", () => state.play(Number(this.where.value)));
    this.steps = html("input", { type: "number", min: 1, max: MOST_FRAMES, value: 12, "aria-label": "Frames to the next keyframe", title: "Frames to the next keyframe" });
    this.steps.addEventListener("change", () => {
      const frames = Math.round(Number(this.steps.value));
      if (frames >= 1 && frames <= MOST_FRAMES) state.setStep({ frames });
      else this.render();
    });
    this.easing = choice("The way to the next keyframe", named(Object.keys(EASINGS)), (easing) => state.setStep({ easing }));
    this.rate = choice("Speed of the playback", named(RATES, "/s"), (rate) => state.setPlayback({ rate: Number(rate) }));
    this.loop = toggle("loop", "Loop: go on from the last keyframe to the first", (loop) => state.setPlayback({ loop }));
    this.count = html("span", { class: "who" });
    this.element = html(
      "div", { class: "strip" },
      html(
        "div", { class: "row" },
        button("+ frame", "Add a keyframe after this one", () => state.addFrame()),
        (this.remove = button("− frame", "Remove this keyframe", () => state.removeFrame())),
        (this.left = button("◂", "Move this keyframe to the left", () => state.moveFrame(-1))),
        (this.right = button("▸", "Move this keyframe to the right", () => state.moveFrame(1))),
        this.steps, this.easing, this.loop,
      ),
      html("div", { class: "row" }, this.playButton, this.where, this.rate, this.count),
      this.frames,
    );
  }

  play() {
    const { steps } = this.state.shown();
    if (steps.length < 2) return this.state.say("one keyframe has nothing to play; add another");
    let frame = this.state.timing().now;
    const next = () => {
      const { total } = this.state.timing();
      frame = (frame + 1) % total;
      this.state.play(frame);
      this.timer = window.setTimeout(next, 1000 / this.state.shown().rate);
    };
    next();
    this.render();
  }

  stop() {
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.render();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = this.state.index + (step ?? 0);
    if (!step || next < 0 || next >= this.state.shown().frames.length) return;
    event.preventDefault();
    if (event.altKey) this.state.moveFrame(step);
    else this.state.takeFrame(next);
    this.frames.children[next]?.focus();
  }

  render() {
    const { state } = this;
    const shown = state.shown();
    const { total, now } = state.timing();
    const last = shown.frames.length - 1;
    if (this.timer !== undefined && state.played === null) this.stop(); // somebody pulled at the pose
    this.playButton.textContent = this.timer === undefined ? "▶" : "❚❚";
    this.playButton.disabled = last < 1;
    this.where.max = String(total - 1);
    this.where.value = String(now);
    this.where.disabled = last < 1;
    this.count.textContent = `frame ${now + 1} of ${total}`;
    const step = shown.steps[state.index];
    const toNext = last > 0 && (state.index < last || shown.loop);
    this.steps.value = String(step?.frames ?? 1);
    this.easing.value = step?.easing ?? "linear";
    this.steps.disabled = this.easing.disabled = !toNext;
    this.rate.value = String(shown.rate);
    this.loop.setAttribute("aria-pressed", String(shown.loop));
    this.loop.disabled = last < 1;
    this.remove.disabled = last < 1;
    this.left.disabled = state.index < 1;
    this.right.disabled = state.index >= last;
    if (this.element.hidden) return;
    const view = { left: 0, top: 0, ...shown.canvas };
    const changed = this.shownFrames !== shown.frames;
    if (changed) {
      this.frames.replaceChildren(
        ...shown.frames.map((people, index) => {
          const frame = button("", `Keyframe ${index + 1}`, () => state.takeFrame(index));
          frame.setAttribute("role", "option");
          frame.append(thumbnail(people.map((person) => person.points), view), html("span", {}, String(index + 1)));
          return frame;
        }),
      );
      this.shownFrames = shown.frames;
    }
    [...this.frames.children].forEach((frame, index) => frame.setAttribute("aria-selected", String(index === state.index)));
  }

  dispose() {
    this.stop();
  }
}
