/**
 * Target and source side by side; pointing at a place of one highlights what the network attended
 * on the other. It knows nothing of ComfyUI; `../dptn_attention.js` puts it into a node.
 */

import { button, html, row } from "../skeleton/page.js";
import { answer, boxOf, cellAt, cellsIn, peakOf, pixels } from "./maps.mjs";
import { Pane } from "./pane.mjs";
import {
	COLOURS,
	isRegion,
	middleOf,
	nearest,
	nextColour,
	pinned,
	pinsFor,
	pointsText,
} from "./pins.mjs";
import { STYLE } from "./style.mjs";

/** @type {Side[]} */
const SIDES = ["target", "source"];
const HELP =
	"Arrow keys point, J goes to the next joint, Enter pins, Delete removes the last pin, Escape all";
const START =
	"Point at one image: the other shows where the network attended. " +
	"Click to pin a place or joint, drag to select a region.";
const BESIDE = 0.4; // strength of the pins' heat while something else is pointed to
const DRAG = 5; // pixels of the screen that a press may move and still be a click
/** @type {Record<string, number>} */
const REACH = { mouse: 8, pen: 12, touch: 18 }; // pixels of the screen
/** @type {Record<string, Point>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class AttentionExplorer {
	/**
	 * @param {{onPoints: (text: string) => void}} options called with the target's pins as `x,y; x,y`
	 */
	constructor({ onPoints }) {
		/** @type {AttentionRun | null} */
		this.run = null;
		/** @type {Pin[]} */
		this.pins = [];
		/** @type {Answer[]} */
		this.answers = []; // to the pins, in their order
		/** @type {Place | null} */
		this.pointed = null;
		this.points = "";
		this.panes = { target: new Pane("target", HELP), source: new Pane("source", HELP) };
		this.said = html("div", { class: "said" });
		this.spoken = html("div", { class: "spoken", role: "status" });
		this.lists = ["layer", "head"].map((name) => html("select", { name, "aria-label": name }));
		this.viewList = html("select", { name: "view", "aria-label": "view" });
		this.viewList.addEventListener("change", () => this.look());
		this.clearButton = button("clear pins", "Clear pins (Escape)", () => this.keep([]));
		this.pointsButton = button(
			"to points",
			"To points: write the target's pins into points, for the next run",
			() => onPoints(this.points),
		);
		const bar = row(...this.lists, this.viewList, this.clearButton, this.pointsButton);
		const panes = html("div", { class: "panes" }, ...SIDES.map((side) => this.panes[side].element));
		this.element = html(
			"div",
			{ class: "dptn-attention" },
			html("style", {}, STYLE),
			bar,
			panes,
			this.said,
			this.spoken,
		);
		this.gone = new AbortController();
		this.setEmpty("");
		this.listen();
	}

	/** @param {AttentionRun} run */
	setRun(run) {
		this.run = run;
		for (const list of this.lists) {
			const { name, selectedIndex: now } = list;
			const count = name === "layer" ? run.maps.layers : run.maps.heads;
			const each = Array.from({ length: count }, (_, value) =>
				html("option", { value }, `${name} ${value}`),
			);
			list.replaceChildren(html("option", { value: "" }, `all ${name}s`), ...each);
			// what was chosen stays, if it is there; at first the last layer and all heads
			list.selectedIndex = now >= 0 && now <= count ? now : name === "layer" ? count : 0;
		}
		for (const side of SIDES) this.panes[side].show(run[side], run.maps, run.names);
		const views = run.views.map((name, value) => html("option", { value }, name));
		const now = run.views.indexOf(this.viewList.selectedOptions[0]?.textContent ?? "");
		this.viewList.replaceChildren(...views);
		this.viewList.selectedIndex = Math.max(now, 0);
		this.viewList.hidden = views.length < 2; // nothing was warped
		this.look();
		this.element.classList.remove("empty");
		this.keep(pinsFor(this.pins, run));
	}

	/** Show both images in the selected view. */
	look() {
		const view = this.viewList.selectedIndex;
		for (const side of SIDES) this.panes[side].image.src = this.run?.[side].images[view] ?? "";
	}

	/** Show nothing but a text. @param {string} text */
	setEmpty(text) {
		this.run = this.pointed = null;
		this.pins = [];
		this.element.classList.add("empty");
		this.said.textContent = this.spoken.textContent = text;
	}

	dispose() {
		this.gone.abort();
		this.setEmpty("");
	}

	/** @param {AttentionRun} run @param {Place} place @returns {Answer} */
	ask(run, place) {
		const { maps } = run;
		const { frame } = run[place.side];
		const other = run[place.side === "target" ? "source" : "target"];
		const [layer, head] = this.lists.map(({ value }) => (value === "" ? null : Number(value)));
		const cells = isRegion(place)
			? cellsIn(maps, frame, place.box)
			: [cellAt(maps, frame, middleOf(place))];
		const map = answer(maps, { layer, head }, place.side, cells);
		const { x, y, cell, fraction } = peakOf(maps, map);
		const at = pixels(maps, other.frame, [x, y]);
		// from the source there is no whole to take a fraction of: it is what the peak itself gave
		return { map, at, fraction: place.side === "target" ? fraction : map[cell] };
	}

	/** Ask for all pins and draw. @param {Pin[]} pins */
	keep(pins) {
		const { run } = this;
		if (!run) return;
		this.pins = pins;
		this.answers = pins.map((pin) => this.ask(run, pin));
		this.clearButton.disabled = !pins.length;
		this.points = pointsText(pins, run.target.canvas);
		this.pointsButton.disabled = !this.points;
		this.point(null);
		this.spoken.textContent = `${pins.length} pins. ${this.said.textContent}`;
	}

	/** On a pin, on a joint, or anywhere.
	 * @param {AttentionRun} run @param {Side} side @param {Point} place @param {number} reach */
	click(run, side, place, reach) {
		const on = nearest(
			this.pins.map((pin) => (pin.side === side ? middleOf(pin) : null)),
			place,
			reach,
		);
		if (on !== null) return this.keep(this.pins.toSpliced(on, 1));
		const { joints } = run[side];
		const joint = nearest(joints, place, reach);
		const at = joint === null ? null : joints[joint];
		this.keep(pinned(this.pins, placeAt(side, at ?? place, joint)));
	}

	listen() {
		// first: some front ends start to drag the node from a capturing listener further up
		window.addEventListener(
			"pointerdown",
			(event) => {
				const path = event.composedPath();
				if (event.button !== 0 || !path.includes(this.element)) return;
				event.stopImmediatePropagation();
				const side = SIDES.find((one) => path.includes(this.panes[one].stage));
				if (side && this.run) this.press(side, event);
			},
			{ capture: true, signal: this.gone.signal },
		);
		for (const kind of ["pointerup", "dblclick", "keyup"]) {
			this.element.addEventListener(kind, (event) => event.stopPropagation());
		}
		for (const side of SIDES) {
			const pane = this.panes[side];
			pane.stage.addEventListener("pointermove", (event) => {
				if (event.buttons > 1) return; // the graph is being moved
				event.stopPropagation();
				if (!event.buttons) this.point(placeAt(side, pane.place(event)));
			});
			for (const kind of ["pointerleave", "blur"])
				pane.stage.addEventListener(kind, () => this.point(null));
		}
		this.element.addEventListener("keydown", (event) => this.key(event));
		this.element.addEventListener("change", () => this.keep(this.pins));
	}

	/** A click or, if it moves, a region. @param {Side} side @param {PointerEvent} event */
	press(side, event) {
		const pane = this.panes[side];
		event.preventDefault(); // no text is selected, no image dragged
		pane.stage.focus({ preventScroll: true });
		if (event.isTrusted) pane.stage.setPointerCapture(event.pointerId);
		const start = pane.place(event);
		/** @type {Place | null} */
		let region = null;
		this.point(placeAt(side, start));
		const ended = new AbortController();
		const follow = (/** @type {PointerEvent} */ now) => {
			if (now.pointerId !== event.pointerId) return;
			now.stopImmediatePropagation();
			if (now.type === "pointermove") {
				if (!region && Math.hypot(now.clientX - event.clientX, now.clientY - event.clientY) <= DRAG)
					return;
				const [[x1, y1], [x2, y2]] = [start, pane.place(now)];
				region = placeAt(side, [Math.min(x1, x2), Math.min(y1, y2)], null, [
					Math.abs(x1 - x2),
					Math.abs(y1 - y2),
				]);
				return this.point(region);
			}
			ended.abort();
			if (!this.run) return;
			if (now.type === "pointercancel") this.point(null);
			else if (region) this.keep(pinned(this.pins, region));
			else
				this.click(this.run, side, start, (REACH[event.pointerType] ?? REACH.mouse) * pane.scale());
		};
		for (const kind of /** @type {const} */ (["pointermove", "pointerup", "pointercancel"])) {
			window.addEventListener(kind, follow, { capture: true, signal: ended.signal });
		}
	}

	/** @param {KeyboardEvent} event */
	key(event) {
		const { key, shiftKey } = event;
		if (event.ctrlKey || event.metaKey) return;
		event.stopPropagation();
		const side = SIDES.find((one) => this.panes[one].stage === event.target);
		if (!side || !this.run) return;
		const arrow = ARROWS[key];
		if (arrow || key === "j" || key === "J") {
			this.point(
				arrow
					? this.beside(this.run, side, arrow, shiftKey ? 4 : 1)
					: this.nextJoint(this.run, side, shiftKey ? -1 : 1),
			);
			this.spoken.textContent = this.said.textContent;
		} else if (key === "Enter" || key === " ")
			this.keep(this.pointed ? pinned(this.pins, this.pointed) : this.pins);
		else if (key === "Delete" || key === "Backspace") this.keep(this.pins.slice(0, -1));
		else if (key === "Escape") this.keep([]);
		else return;
		event.preventDefault();
	}

	/**
	 * The middle of a cell some cells away.
	 * @param {AttentionRun} run @param {Side} side @param {Point} towards @param {number} cells
	 */
	beside(run, side, [dx, dy], cells) {
		const { maps } = run;
		const { frame } = run[side];
		const [x, y] = middleOf(this.pointed?.side === side ? this.pointed : { box: frame });
		const [, , width, height] = boxOf(maps, frame, cellAt(maps, frame, [x, y]));
		const cell = cellAt(maps, frame, [x + dx * cells * width, y + dy * cells * height]);
		return placeAt(side, middleOf({ box: boxOf(maps, frame, cell) }));
	}

	/** @param {AttentionRun} run @param {Side} side @param {number} by */
	nextJoint(run, side, by) {
		const there = run[side].joints.flatMap((place, joint) =>
			place ? [placeAt(side, place, joint)] : [],
		);
		const { pointed } = this;
		const now = there.findIndex(({ joint }) => pointed?.side === side && pointed.joint === joint);
		return there.at(now < 0 && by < 0 ? -1 : (now + by) % there.length) ?? null;
	}

	/**
	 * Point to a place or, with null, to nothing, and draw everything.
	 * @param {Place | null} place
	 */
	point(place) {
		const { run } = this;
		if (!run) return;
		this.pointed = place;
		const { maps } = run;
		const found = place && this.ask(run, place);
		for (const side of SIDES) {
			const asked = place && place.side !== side;
			/** @type {Mark[]} */
			const marks = this.pins.map((pin, index) => {
				const shown = { colour: COLOURS[pin.colour], text: String(index + 1) };
				if (pin.side === side)
					return { ...shown, kind: "pin", at: middleOf(pin), box: isRegion(pin) ? pin.box : null };
				return { ...shown, ...this.answers[index], kind: "ring", strength: asked ? BESIDE : 1 };
			});
			const colour = COLOURS[nextColour(this.pins)];
			if (asked && found) marks.push({ ...found, kind: "peak", colour, strength: 1 });
			else if (place) {
				const { frame } = run[side];
				const at = middleOf(place);
				if (isRegion(place)) marks.push({ kind: "region", at, colour, box: place.box });
				else
					marks.push({
						kind: "cursor",
						at,
						colour,
						box: boxOf(maps, frame, cellAt(maps, frame, at)),
					});
			}
			this.panes[side].draw(marks);
		}
		const last = this.pins.length - 1;
		if (place && found) this.said.textContent = this.words(run, place, found);
		else
			this.said.textContent =
				last < 0
					? START
					: `pin ${last + 1}: ${this.words(run, this.pins[last], this.answers[last])}`;
	}

	/**
	 * A question and its answer in numbers.
	 * @param {AttentionRun} run @param {Place} place @param {Answer} found
	 */
	words({ names, ...run }, place, { at, fraction }) {
		const { joints, canvas } = run[place.side];
		const middle = middleOf(place);
		const index = place.joint ?? nearest(joints, middle, Math.max(...canvas) * 0.015);
		const joint = index === null ? null : names[index];
		const [here, there, [, , width, height]] = [middle, at, place.box].map((all) =>
			all.map(Math.round),
		);
		const what = isRegion(place) ? `, region ${width} × ${height}` : joint ? ` (${joint})` : "";
		const asked = `${place.side} ${here.join(", ")}${what}`;
		const percent = `${(fraction * 100).toFixed(fraction < 0.1 ? 1 : 0)} %`;
		return place.side === "target"
			? `${asked} attends to source ${there.join(", ")}; ${percent} of its attention lies there`
			: `${asked} is attended most by target ${there.join(", ")}: ${percent} of its attention`;
	}
}

/**
 * @param {Side} side @param {Point} place @param {number | null} [joint] @param {Point} [size]
 * @returns {Place}
 */
function placeAt(side, place, joint = null, size = [0, 0]) {
	return { side, box: [...place, ...size], joint };
}
