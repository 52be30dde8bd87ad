/** The strip of keyframes: their order, duration and easing, and playback. */

import { thumbnail } from "./figure.js";
import { EASINGS, MAX_FRAMES } from "./interpolation.js";
import { arrowStep, button, choice, html, row, slider, toggle } from "./page.js";
import { RATES } from "./value.js";

export class Strip {
	/** @param {EditorState} state */
	constructor(state) {
		this.state = state;
		/** @type {number | undefined} */
		this.timer = undefined;
		this.frames = html("div", { class: "frames", role: "listbox", "aria-label": "Keyframes" });
		this.frames.addEventListener("keydown", (event) => this.key(event));
		this.playButton = button("▶", "Play the sequence", () =>
			this.timer === undefined ? this.play() : this.stop(),
		);
		this.where = slider("Frame of the sequence", { min: 0, max: 0, step: 1, value: 0 }, (frame) =>
			state.play(frame),
		);
		const label = "Duration: frames to the next keyframe";
		this.duration = html("input", {
			type: "number",
			min: 1,
			max: MAX_FRAMES,
			value: 12,
			"aria-label": label,
			title: label,
		});
		this.duration.addEventListener("change", () => {
			const duration = Math.round(Number(this.duration.value));
			if (duration >= 1 && duration <= MAX_FRAMES) state.setStep({ duration });
			else this.render();
		});
		this.easing = choice("Easing to the next keyframe", Object.keys(EASINGS), "", (easing) =>
			state.setStep({ easing }),
		);
		this.rate = choice("Speed of the playback", RATES, "/s", (rate) =>
			state.setPlayback({ rate: Number(rate) }),
		);
		this.loop = toggle("loop", "Loop: go on from the last keyframe to the first", (loop) =>
			state.setPlayback({ loop }),
		);
		this.count = html("span", { class: "who" });
		this.remove = button("− frame", "Remove this keyframe", () => state.removeFrame());
		this.left = button("◂", "Move this keyframe to the left", () => state.moveFrame(-1));
		this.right = button("▸", "Move this keyframe to the right", () => state.moveFrame(1));
		const add = button("+ frame", "Add a keyframe after this one", () => state.addFrame());
		this.element = html(
			"div",
			{ class: "strip" },
			row(
				add,
				this.remove,
				this.left,
				this.right,
				html("label", {}, "duration ", this.duration),
				this.easing,
				this.loop,
			),
			row(this.playButton, this.where, this.rate, this.count),
			this.frames,
		);
		/** @type {Edit["frames"] | null} the keyframes whose thumbnails are there */
		this.shownFrames = null;
	}

	play() {
		const { steps } = this.state.shown();
		if (steps.length < 2) return this.state.say("add a second keyframe to play a sequence");
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
		const { state } = this;
		const step = arrowStep(event);
		const next = state.index + step;
		if (!step || next < 0 || next >= state.shown().frames.length) return;
		event.preventDefault();
		if (event.altKey) state.moveFrame(step);
		else state.takeFrame(next);
		/** @type {HTMLElement} */ (this.frames.children[next])?.focus();
	}

	render() {
		const { state } = this;
		const shown = state.shown();
		const { total, now } = state.timing();
		const last = shown.frames.length - 1;
		const alone = last < 1;
		// a joint was dragged
		if (this.timer !== undefined && (alone || state.played === null)) this.stop();
		this.playButton.textContent = this.timer === undefined ? "▶" : "❚❚";
		for (const part of [this.playButton, this.where, this.loop, this.remove]) part.disabled = alone;
		this.where.max = String(total - 1);
		this.where.value = String(now);
		this.count.textContent = `frame ${now + 1} of ${total}`;
		const step = shown.steps[state.index];
		this.duration.value = String(step?.duration ?? 1);
		this.easing.value = step?.easing ?? "linear";
		this.duration.disabled = this.easing.disabled = alone || (state.index === last && !shown.loop);
		this.rate.value = String(shown.rate);
		this.loop.setAttribute("aria-pressed", String(shown.loop));
		this.left.disabled = state.index < 1;
		this.right.disabled = state.index >= last;
		if (this.element.hidden) return;
		if (this.shownFrames !== shown.frames) {
			this.shownFrames = shown.frames;
			const view = { left: 0, top: 0, ...shown.canvas };
			this.frames.replaceChildren(
				...shown.frames.map((people, index) => {
					const image = thumbnail(
						people.map(({ points }) => points),
						view,
					);
					const number = html("span", {}, String(index + 1));
					const frame = button(
						"",
						`Keyframe ${index + 1}`,
						() => state.takeFrame(index),
						image,
						number,
					);
					frame.setAttribute("role", "option");
					return frame;
				}),
			);
		}
		for (const [index, frame] of [...this.frames.children].entries())
			frame.setAttribute("aria-selected", String(index === state.index));
	}

	dispose() {
		this.stop();
	}
}
