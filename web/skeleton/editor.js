/**
 * The skeleton editor: the stage, its buttons and the strip of keyframes in one element, which can
 * also fill the window. It knows nothing of ComfyUI; `../dptn_skeleton.js` puts it into a node.
 */

import { JOINTS } from "./anatomy.js";
import { html } from "./page.js";
import { problems } from "./pose.js";
import { QuestionBar } from "./question.js";
import { Stage } from "./stage.js";
import { EditorState } from "./state.js";
import { Strip } from "./strip.js";
import { STYLE } from "./style.js";
import { Toolbar } from "./toolbar.js";

// fields that take keys and pasted texts
const TYPED = "input[type=text], input[type=search], input[type=number]";

const targetOf = (/** @type {Event} */ event) => /** @type {HTMLElement} */ (event.target);

export class SkeletonEditor {
	/** @param {EditorOptions} options */
	constructor(options) {
		this.options = options;
		this.state = new EditorState({
			onText: options.onChange,
			onShow: () => this.render(),
			fallbackCanvas: options.fallbackCanvas,
			canvas: options.canvas,
		});
		this.stage = new Stage(this.state, { onRelease: options.onRelease });
		this.strip = new Strip(this.state);
		this.live = false;
		const live = (/** @type {boolean} */ on) => {
			this.live = on;
			this.showGenerated(null);
			options.onLive(on);
		};
		const actions = { live, enlarge: () => this.enlarge(), poses: options.poses };
		this.toolbar = new Toolbar(this.state, this.stage, actions, this.strip.element);
		this.said = html("div", { class: "said", role: "status" });
		this.image = html("img", { alt: "The latest result", hidden: "" });
		this.question = new QuestionBar(this.state);
		// not the browser's tooltip, which would lie over the joint beside the one that is meant
		this.named = html("div", { class: "named", "aria-hidden": "true" });
		const scene = html(
			"div",
			{ class: "scene" },
			this.stage.element,
			this.image,
			this.named,
			this.question.element,
		);
		this.stage.element.addEventListener("pointerover", ({ target }) => {
			const { joint } = /** @type {SVGElement} */ (target).dataset;
			this.named.textContent = joint === undefined ? "" : JOINTS[Number(joint)];
		});
		this.panel = html(
			"div",
			{ class: "dptn-panel" },
			html("style", {}, STYLE),
			this.toolbar.element,
			scene,
			this.said,
		);
		// the host may move this about as it likes; the panel moves between it and the full window
		this.element = html("div", { class: "dptn-editor", "data-capture-wheel": "true" }, this.panel);
		/** @type {HTMLDialogElement | null} */
		this.window = null;
		this.note = "";
		for (const kind of [
			"pointerdown",
			"pointermove",
			"pointerup",
			"click",
			"dblclick",
			"contextmenu",
			"wheel",
		]) {
			this.panel.addEventListener(kind, (event) => event.stopPropagation());
		}
		this.panel.addEventListener("keydown", (event) => this.key(event));
		this.panel.addEventListener("keyup", (event) => {
			event.stopPropagation();
			if (event.key === " ") this.stage.panning = false;
		});
		this.panel.addEventListener("dragover", (event) => event.preventDefault());
		this.panel.addEventListener("drop", (event) => {
			event.preventDefault();
			event.stopPropagation();
			event.dataTransfer?.files[0]?.text().then((text) => this.state.paste(text));
		});
		this.panel.addEventListener("paste", (event) => {
			event.stopPropagation();
			const text = event.clipboardData?.getData("text/plain");
			if (text && !targetOf(event).matches(TYPED)) this.state.paste(text);
		});
		this.render();
	}

	get text() {
		return this.state.text;
	}

	/** Take a value from outside: a loaded workflow, the graph's own undo. @param {string} text */
	setText(text) {
		this.state.setText(text);
	}

	/** What the node's last run returned. @param {PoseRun} run */
	setRun(run) {
		this.state.setRun(run);
	}

	/** @param {string | null} url */
	setBackground(url) {
		if (this.stage.background === url) return;
		this.stage.background = url;
		this.stage.render();
	}

	/**
	 * The latest image of live posing: beside the stage in the full window, and under the pose where
	 * it fits.
	 * @param {string} url @param {boolean} inPlace
	 */
	showImage(url, inPlace) {
		this.image.src = url;
		this.image.hidden = false;
		// loaded, so that nothing flickers
		this.image.onload = () => this.showGenerated(inPlace && this.live ? url : null);
	}

	/** @param {string | null} url */
	showGenerated(url) {
		this.stage.generated = url;
		this.stage.render();
	}

	/** A status line that stays until the next one. @param {string} text */
	say(text) {
		if (this.note === text) return;
		this.note = text;
		this.render();
	}

	render() {
		if (!this.said) return; // not yet built
		this.stage.render();
		this.toolbar.render();
		this.strip.render();
		this.question.render();
		const { state } = this;
		const wrong = state.people().flatMap(({ points }, index, { length }) => {
			const who = length > 1 ? `person ${index + 1}: ` : "";
			return problems(points, state.canvas).map(({ text }) => who + text);
		});
		this.said.textContent = [state.said, this.note, ...wrong].filter((text) => text).join(" · ");
		this.said.title = this.said.textContent;
	}

	// The full window.

	enlarge() {
		if (this.window) return this.shrink();
		const label = { class: "dptn-window", "aria-label": "Skeleton editor" };
		const dialog = html("dialog", label, this.panel);
		dialog.addEventListener("close", () => this.shrink());
		dialog.addEventListener("keydown", (event) => event.target === dialog && this.key(event));
		this.window = dialog;
		document.body.append(dialog);
		dialog.showModal();
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
		const target = targetOf(event);
		if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			return this.options.onQueue?.();
		}
		if (target.matches(`${TYPED}, select`)) return;
		const { person, joint } = target.dataset;
		const act =
			event.ctrlKey || event.metaKey
				? this.command(event)
				: (joint !== undefined && this.jointAct(event, Number(person), Number(joint))) ||
					this.stageAct(event);
		if (!act) return;
		event.preventDefault();
		act();
	}

	/** What a key means together with Ctrl. @param {KeyboardEvent} event */
	command({ key, shiftKey }) {
		const { state } = this;
		/** @type {Acts} */
		const acts = {
			z: () => (shiftKey ? state.redo() : state.undo()),
			y: () => state.redo(),
			a: () => state.selectAll(),
		};
		return acts[key.toLowerCase()];
	}

	/** What a key means on the stage. @param {KeyboardEvent} event */
	stageAct(event) {
		const { stage, state } = this;
		// in the full window, Escape is the dialog's
		if (!stage.element.contains(targetOf(event)) || (event.key === "Escape" && this.window))
			return null;
		const closer = () => stage.zoomBy(1.25);
		/** @type {Acts} */
		const acts = {
			"+": closer,
			"=": closer,
			"-": () => stage.zoomBy(0.8),
			0: () => stage.fit(),
			m: () => state.mirror(),
			" ": () => (stage.panning = true),
			Escape: () => state.select([]),
			Delete: () => state.hide([...state.selected]),
		};
		return acts[event.key];
	}

	/**
	 * What a key means on a joint.
	 * @param {KeyboardEvent} event @param {number} person @param {number} joint
	 */
	jointAct({ key, shiftKey, altKey }, person, joint) {
		const { state } = this;
		const far = shiftKey ? 10 : 1;
		const push = (/** @type {Point} */ by) => () => state.nudge(joint, by, altKey);
		const hide = () => state.hide(state.selected.has(joint) ? [...state.selected] : [joint]);
		/** @type {Acts} */
		const acts = {
			ArrowLeft: push([-far, 0]),
			ArrowRight: push([far, 0]),
			ArrowUp: push([0, -far]),
			ArrowDown: push([0, far]),
			Enter: () => state.toggle(joint),
			Delete: hide,
			Backspace: hide,
		};
		const act = acts[key];
		return (
			act &&
			(() => {
				state.takePerson(person);
				act();
			})
		);
	}
}
