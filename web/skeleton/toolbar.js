/** The editor's buttons: a line that is always there, and under it the one of a chosen tab. */

import { onDemand } from "../ondemand.js";
import { JOINTS } from "./anatomy.js";
import { messageOf } from "./openpose.js";
import { arrowStep, button, html, row, slider, toggle } from "./page.js";

const TABS = ["Pose", "Library", "Hands", "People", "Frames", "View", "File"];

export class Toolbar {
	/** @param {EditorState} state @param {Stage} stage @param {Actions} actions
	 * @param {HTMLElement} frames the row of the tab "Frames" */
	constructor(state, stage, actions, frames) {
		this.state = state;
		this.stage = stage;
		this.actions = actions;
		this.undo = button("↶", "Undo (Ctrl+Z)", () => state.undo());
		this.redo = button("↷", "Redo (Ctrl+Y)", () => state.redo());
		this.live = toggle("live", "Live posing: generate the person while you drag", actions.live);
		this.large = button("full", "Full window", actions.enlarge);
		/** Tabs that are loaded when they are opened. @type {Record<string, Tab | null>} */
		this.loaded = {};
		this.missing = html("span", { class: "missing" });
		this.hideButton = button("hide", "Hide the selected joints (Delete)", () =>
			state.hide([...state.selected]),
		);
		this.reset = button("reset", "Reset: back to the connected pose or a standing person", () =>
			state.reset(),
		);
		this.remove = button("− person", "Remove this person", () => state.removePerson());
		this.who = html("span", { class: "who" });
		this.tabs = TABS.map((name, index) => {
			const tab = html("button", { type: "button", role: "tab" }, name);
			tab.addEventListener("click", () => this.open(index));
			return tab;
		});
		this.rows = [
			this.poseRow(),
			row("loading ..."),
			row("loading ..."),
			this.peopleRow(),
			frames,
			this.viewRow(),
			this.fileRow(),
		];
		this.rows.forEach((row, index) => {
			row.setAttribute("role", "tabpanel");
			row.setAttribute("aria-label", TABS[index]);
		});
		const tabs = html("div", { class: "tabs", role: "tablist" }, ...this.tabs);
		tabs.addEventListener("keydown", (event) => {
			const step = arrowStep(event);
			if (!step) return;
			const next =
				(this.tabs.findIndex((tab) => tab.tabIndex === 0) + step + TABS.length) % TABS.length;
			this.open(next);
			this.tabs[next].focus();
		});
		const top = row(this.undo, this.redo, this.live, this.large, tabs);
		// of one height, so that the stage stays where it is from tab to tab
		this.panels = html("div", { class: "panels", tabindex: -1 }, ...this.rows);
		this.element = html("div", { class: "toolbar" }, top, this.panels);
		this.open(0);
	}

	/** @param {number} index */
	open(index) {
		this.tabs.forEach((tab, at) => {
			tab.setAttribute("aria-selected", String(at === index));
			tab.tabIndex = at === index ? 0 : -1;
			this.rows[at].hidden = at !== index;
		});
		this.layOver(this.loaded[TABS[index]]);
		this.load(index);
		this.state.show();
	}

	/** Give the stage to the open tab, if it has something for it. @param {Tab | null} [tab] */
	layOver(tab) {
		this.stage.layer = tab?.draw && tab.begin ? /** @type {Layer} */ (tab) : null;
		this.stage.render();
	}

	/** @param {number} index of a tab */
	async load(index) {
		const name = TABS[index];
		const make = this.onDemand[name];
		if (!make || name in this.loaded) return;
		this.loaded[name] = null;
		try {
			const tab = await make();
			this.loaded[name] = tab;
			this.rows[index].replaceChildren(tab.element);
			if (!this.rows[index].hidden) this.layOver(tab);
		} catch (error) {
			delete this.loaded[name]; // so that opening it again tries again
			this.state.say(`the tab could not be loaded: ${messageOf(error)}`);
		}
	}

	/** @type {Record<string, () => Promise<Tab>>} */
	onDemand = {
		Hands: async () => {
			const files = ["details", "hand", "head"].map((name) => `skeleton/${name}.mjs`);
			const { Details } = await onDemand(() => import("./details.mjs"), ...files);
			return new Details(this.state, this.stage);
		},
		Library: async () => {
			const files = ["shelf", "library"].map((name) => `skeleton/${name}.mjs`);
			const { Shelf } = await onDemand(() => import("./shelf.mjs"), ...files);
			return new Shelf(this.state, this.actions.poses);
		},
	};

	poseRow() {
		const { state } = this;
		return row(
			button("mirror", "Mirror this person (left and right change names)", () => state.mirror()),
			button("L→R", "Copy the left side to the right", () => state.copySide("left")),
			button("R→L", "Copy the right side to the left", () => state.copySide("right")),
			toggle(
				"symmetric",
				"Symmetric: the other side does the same in the mirror",
				(on) => (state.symmetric = on),
			),
			toggle("free", "Free: joints move alone and lengths change (Alt)", (on) => (state.free = on)),
			button("straighten", "Straighten the selected limbs, or all", () => state.straighten()),
			button("upright", "Turn this person upright", () => state.setUpright()),
			button("stand", "Standing pose", () => state.stand()),
			this.reset,
			button("select all", "Select all joints (Ctrl+A)", () => state.selectAll()),
			this.hideButton,
			this.missing,
		);
	}

	peopleRow() {
		const { state } = this;
		const next = (/** @type {number} */ by) => () => {
			const count = state.people().length;
			if (count) state.takePerson((state.active + by + count) % count);
		};
		return row(
			button("+ person", "Add a person", () => state.addPerson()),
			this.remove,
			button("◂", "Person before", next(-1)),
			this.who,
			button("▸", "Next person", next(1)),
		);
	}

	viewRow() {
		const { stage } = this;
		/** @param {Partial<Stage["look"]>} change */
		const look = (change) => {
			Object.assign(stage.look, change);
			stage.render();
		};
		const range = { min: 0, max: 1, step: 0.05, value: stage.look.background };
		return row(
			button("fit", "Show everything (0)", () => stage.fit()),
			button("−", "Zoom out (-)", () => stage.zoomBy(0.8)),
			button("+", "Zoom in (+)", () => stage.zoomBy(1.25)),
			html(
				"label",
				{},
				"background ",
				slider("Opacity of the background", range, (background) => look({ background })),
			),
			toggle("connected pose", "Show the connected pose under the edit", (connected) =>
				look({ connected }),
			),
			toggle(
				"pose before",
				"Show the keyframe before, or the pose before the last change",
				(before) => look({ before }),
			),
			toggle(
				"OpenPose colours",
				"Show OpenPose colours, as Draw Skeleton and ControlNets have them",
				(openPose) => look({ openPose }),
			),
		);
	}

	fileRow() {
		const { state } = this;
		const file = html("input", { type: "file", accept: ".json,application/json", hidden: "" });
		file.addEventListener("change", () => {
			file.files?.[0]?.text().then((text) => state.paste(text));
			file.value = "";
		});
		return row(
			file,
			button("open", "Open a file of OpenPose JSON", () => file.click()),
			button("save", "Save as a file of OpenPose JSON", () => this.save()),
			button("copy", "Copy as OpenPose JSON", () => this.copy()),
			button("paste", "Paste OpenPose JSON", () => this.paste()),
		);
	}

	save() {
		const url = URL.createObjectURL(
			new Blob([this.state.asOpenPose()], { type: "application/json" }),
		);
		html("a", { href: url, download: "pose.json" }).click();
		setTimeout(() => URL.revokeObjectURL(url), 1000);
	}

	copy() {
		const { state } = this;
		const done = navigator.clipboard?.writeText(state.asOpenPose());
		if (!done) state.say("this page may not use the clipboard; save a file instead");
		else
			done.then(
				() => state.say("copied"),
				() => state.say("the browser did not allow copying"),
			);
	}

	paste() {
		const { state } = this;
		const read = navigator.clipboard?.readText?.();
		if (!read)
			state.say(
				"this page may not read the clipboard; press Ctrl+V on the editor, or drop a file on it",
			);
		else
			read.then(
				(text) => state.paste(text),
				() => state.say("the browser did not allow pasting; press Ctrl+V on the editor"),
			);
	}

	render() {
		const { state } = this;
		const people = state.people();
		this.undo.disabled = !state.history.past.length;
		this.redo.disabled = !state.history.future.length;
		this.reset.disabled = !state.edit?.frames.length;
		this.remove.disabled = !people.length;
		this.hideButton.disabled = !state.selected.size;
		this.who.textContent = people.length
			? `person ${state.active + 1} of ${people.length}`
			: "no person";
		const points = state.person()?.points ?? [];
		this.missing.replaceChildren(
			...JOINTS.flatMap((name, joint) =>
				points[joint] === null
					? [
							button(`+ ${name}`, `Bring back the ${name}`, () => {
								state.bringBack(joint);
								this.stage.focus(joint);
							}),
						]
					: [],
			),
		);
		for (const tab of Object.values(this.loaded)) tab?.render();
	}
}
