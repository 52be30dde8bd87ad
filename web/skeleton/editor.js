/**
 * The skeleton editor: the stage, its buttons and the strip of keyframes, in one element, which can also fill the window. It
 * knows nothing of ComfyUI; `../dptn_skeleton.js` puts it into a node.
 */

import { html } from "./page.js";
import { problems } from "./pose.js";
import { Stage } from "./stage.js";
import { EditorState } from "./state.js";
import { Strip } from "./strip.js";
import { STYLE } from "./style.js";
import { Toolbar } from "./toolbar.js";

/** @import { Point } from "./geometry.js" */
/** @import { Run } from "./state.js" */

/**
 * @typedef {object} Options
 * @property {(text: string) => void} onChange called with the new value after each change
 * @property {(on: boolean) => void} onLive called when live posing is switched
 * @property {() => void} [onRelease] called when a pull has ended
 * @property {() => {width: number, height: number}} fallbackCanvas the canvas when nothing states one
 */

export class SkeletonEditor {
  /** @param {Options} options */
  constructor(options) {
    this.state = new EditorState({
      onText: options.onChange,
      onShow: () => this.render(),
      fallbackCanvas: options.fallbackCanvas,
    });
    this.stage = new Stage(this.state, { onRelease: options.onRelease });
    this.strip = new Strip(this.state);
    this.toolbar = new Toolbar(this.state, this.stage, { live: options.onLive, enlarge: () => this.enlarge() }, this.strip.element);
    this.said = html("div", { class: "said", role: "status" });
    this.panel = html("div", { class: "dptn-panel" }, this.toolbar.element, this.stage.element, this.said);
    // the host may move this about as it likes; the panel moves between it and the full window
    this.element = html("div", { class: "dptn-editor", "data-capture-wheel": "true" }, html("style", {}, STYLE), this.panel);
    /** @type {HTMLDialogElement | null} */
    this.window = null;
    this.note = "";
    for (const kind of ["pointerdown", "pointermove", "pointerup", "click", "dblclick", "contextmenu", "wheel"]) {
      this.panel.addEventListener(kind, (event) => event.stopPropagation());
    }
    this.panel.addEventListener("keydown", (event) => this.key(event));
    this.panel.addEventListener("keyup", (event) => {
      event.stopPropagation();
      if (event.key === " ") this.stage.panning = false;
    });
    this.panel.addEventListener("dragover", (event) => event.preventDefault());
    this.panel.addEventListener("drop", (event) => this.drop(event));
    this.panel.addEventListener("paste", (event) => this.paste(event));
    this.render();
  }

  get text() {
    return this.state.text;
  }

  /** Take a value from outside: a loaded workflow, the graph's own undo. @param {string} text */
  setText(text) {
    this.state.setText(text);
  }

  /** What the block's last run said of its pose. @param {Run} run */
  setRun(run) {
    this.state.setRun(run);
  }

  /** @param {string | null} url a picture to pose over */
  setBackground(url) {
    this.stage.background = url;
    this.stage.render();
  }

  /** A line of words that stays until the next one. @param {string} text */
  say(text) {
    this.note = text;
    this.render();
  }

  render() {
    if (!this.said) return; // still being put together
    this.stage.render();
    this.toolbar.render();
    this.strip.render();
    const { state } = this;
    const wrong = state.people().flatMap(({ points }, index) => {
      const who = state.people().length > 1 ? `person ${index + 1}: ` : "";
      return problems(points, state.canvas).map(({ text }) => who + text);
    });
    this.said.textContent = [state.said, this.note, ...wrong].filter((text) => text).join(" · ");
    this.said.title = this.said.textContent;
  }

  // The full window.

  enlarge() {
    if (this.window) return this.shrink();
    this.window = html("dialog", { class: "dptn-window", "aria-label": "Skeleton editor" }, html("style", {}, STYLE), this.panel);
    this.window.addEventListener("close", () => this.shrink());
    document.body.append(this.window);
    this.window.showModal();
    this.toolbar.large.focus();
    this.render();
  }

  shrink() {
    this.element.append(this.panel);
    this.window?.remove(); // which closes it
    this.window = null;
    this.render();
  }

  dispose() {
    this.stage.dispose();
    this.strip.dispose();
    if (this.window) this.shrink();
  }

  // The keyboard.

  /** @param {KeyboardEvent} event */
  key(event) {
    event.stopPropagation();
    const target = event.target;
    const typing = target.matches("input[type=text], input[type=number], select");
    if (typing) return;
    if (event.ctrlKey || event.metaKey) return this.command(event);
    const { person, joint } = target.dataset;
    if (joint !== undefined && this.jointKey(event, Number(person), Number(joint))) return event.preventDefault();
    if (!this.stage.element.contains(target)) return;
    const acts = {
      "+": () => this.stage.zoomBy(1.25), "=": () => this.stage.zoomBy(1.25), "-": () => this.stage.zoomBy(0.8),
      0: () => this.stage.fit(), m: () => this.state.mirror(), " ": () => (this.stage.panning = true),
      Escape: () => this.state.select([]), Delete: () => this.state.hide([...this.state.selected]),
    };
    const act = acts[event.key];
    // with nothing selected, Escape closes the window
    if (!act || (event.key === "Escape" && !this.state.selected.size)) return;
    event.preventDefault();
    act();
  }

  /** @param {KeyboardEvent} event */
  command(event) {
    const acts = {
      z: () => (event.shiftKey ? this.state.redo() : this.state.undo()), y: () => this.state.redo(), a: () => this.state.selectAll(),
    };
    const act = acts[(event.key.toLowerCase())];
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** @param {KeyboardEvent} event @param {number} person @param {number} joint @returns {boolean} whether the key means something */
  jointKey(event, person, joint) {
    const far = event.shiftKey ? 10 : 1;
    /** @type {Record<string, Point>} */
    const steps = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    const step = steps[event.key];
    const { state } = this;
    if (!step && !["Delete", "Backspace", "Enter"].includes(event.key)) return false;
    state.takePerson(person);
    if (step) state.nudge(joint, step, event.altKey);
    else if (event.key === "Enter") {
      const selected = new Set(state.selected);
      if (!selected.delete(joint)) selected.add(joint);
      state.select(selected);
    } else state.hide(state.selected.has(joint) ? [...state.selected] : [joint]);
    return true;
  }

  /** @param {ClipboardEvent} event */
  paste(event) {
    event.stopPropagation();
    if (event.target.matches("input[type=text]")) return;
    const text = event.clipboardData?.getData("text/plain");
    if (text) this.state.paste(text);
  }

  /** @param {DragEvent} event */
  drop(event) {
    event.preventDefault();
    event.stopPropagation();
    const file = event.dataTransfer?.files[0];
    if (file) file.text().then((text) => this.state.paste(text));
  }
}
