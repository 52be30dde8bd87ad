/**
 * Where a pose is shown and dragged: the canvas with everything on it, zoom and pan, and gestures.
 */

import { JOINTS, jointColour, openPoseColour } from "./anatomy.js";
import { limbs } from "./figure.js";
import { present } from "./frames.js";
import { at, boxOf, direction, distance, middleOf, minus, plus, seen, within } from "./geometry.js";
import { svg } from "./page.js";
import { detailsOf } from "./person.js";
import { problems } from "./pose.js";

const MARGIN = 0.06; // of the canvas, around it, so that joints at its edge can be taken hold of
const ZOOMS = /** @type {const} */ ([0.2, 12]);
/** Screen pixels from a joint at which it is still taken. @type {Record<string, number>} */
const REACH = { mouse: 9, pen: 14, touch: 24 };
const DOUBLE = 350; // milliseconds between two presses that are one double press
/** @type {Gesture} */
const NOTHING = { move: () => {} };
const HANDLES = 0.04; // of the larger side, between a selection and its handles
const UNTOUCHED = { "pointer-events": "none" };

/** @type {(box: Box, by: number) => Box} */
const grown = ({ left, top, right, bottom }, by) => ({
	left: left - by,
	top: top - by,
	right: right + by,
	bottom: bottom + by,
});

/** @type {(box: Box, attributes: Attributes) => SVGElement} */
const rect = ({ left: x, top: y, right, bottom }, attributes) =>
	svg("rect", { x, y, width: right - x, height: bottom - y, ...attributes });

/** @type {(place: Point, r: number, attributes: Attributes) => SVGElement} */
const circle = ([cx, cy], r, attributes) => svg("circle", { cx, cy, r, ...attributes });

export class Stage {
	/**
	 * @param {EditorState} state @param {{onRelease?: () => void}} options `onRelease`: called when a
	 * drag has ended
	 */
	constructor(state, options = {}) {
		this.state = state;
		this.options = options;
		this.view = { zoom: 1, x: 0, y: 0 };
		/** @type {string | null} */
		this.background = null;
		/** The latest image of live posing, where it fits the pose. @type {string | null} */
		this.generated = null;
		this.look = { background: 0.6, connected: false, before: false, openPose: false };
		/** The box being drawn around joints. @type {Box | null} */
		this.marquee = null;
		/** The box of all that is there, as it was when the gesture began. @type {Box | null} */
		this.held = null;
		/** Where each pointer is that is down. @type {Map<number, PointerEvent>} */
		this.pointers = new Map();
		/** @type {Gesture | null} */
		this.gesture = null;
		this.panning = false; // the space bar is down
		// the last press on a joint, to tell double ones: elements do not stay
		this.pressed = { joint: "", time: 0 };
		this.element = svg("svg", {
			role: "group",
			"aria-label": "Skeleton editor",
			class: "stage",
			tabindex: 0,
		});
		this.element.addEventListener(
			"wheel",
			(event) => {
				event.preventDefault();
				event.stopPropagation();
				this.zoomAt(event, this.place(event), this.view.zoom * Math.exp(-event.deltaY * 0.0015));
			},
			{ passive: false },
		);
		this.figures = svg("g", {});
		/** What an open tab draws over the people and takes presses on. @type {Layer | null} */
		this.layer = null;
		this.ground = ""; // what the background was drawn from
		/** The joint to focus when a gesture has ended. @type {string | undefined} */
		this.focused = undefined;
		this.listening = new AbortController();
		// Before anybody else: some front ends start to drag the node from a listener further up, in
		// the capturing phase.
		const first = { capture: true, signal: this.listening.signal };
		window.addEventListener("pointerdown", (event) => this.down(event), first);
		window.addEventListener(
			"pointermove",
			(event) => {
				if (!this.pointers.has(event.pointerId)) return;
				event.stopImmediatePropagation();
				this.pointers.set(event.pointerId, event);
				this.gesture?.move(event);
			},
			first,
		);
		for (const kind of /** @type {const} */ (["pointerup", "pointercancel"])) {
			window.addEventListener(
				kind,
				(event) => {
					if (!this.pointers.delete(event.pointerId)) return;
					event.stopImmediatePropagation();
					const { gesture } = this;
					this.gesture = null;
					gesture?.end?.();
					state.show();
				},
				first,
			);
		}
	}

	/** Listen no more; the element is gone. */
	dispose() {
		this.listening.abort();
		this.gesture = null;
	}

	// Drawing.

	fit() {
		this.view = { zoom: 1, x: 0, y: 0 };
		this.render();
	}

	/** @param {number} factor */
	zoomBy(factor) {
		const zoom = within(this.view.zoom * factor, ...ZOOMS);
		const { width, height } = this.whole();
		const shift = (1 / this.view.zoom - 1 / zoom) / 2; // about the middle of the view
		this.view = { zoom, x: this.view.x + width * shift, y: this.view.y + height * shift };
		this.render();
	}

	/** What is seen at zoom 1: the canvas, a margin, and joints beyond. */
	whole() {
		const { width, height } = this.state.canvas;
		const side = Math.max(width, height);
		if (!this.gesture || !this.held) {
			const canvas = { left: 0, top: 0, right: width, bottom: height };
			// a joint lost in the distance must not make everything tiny
			const reach = grown(canvas, 2 * side);
			const near = this.state
				.people()
				.flatMap(({ points }) => seen(points))
				.filter((point) => isInside(point, reach));
			this.held = boxOf([[0, 0], [width, height], ...near]);
		}
		const { left, top, right, bottom } = grown(this.held, MARGIN * side);
		return { left, top, width: right - left, height: bottom - top };
	}

	render() {
		const { state, look } = this;
		const whole = this.whole();
		const [width, height] = [whole.width / this.view.zoom, whole.height / this.view.zoom];
		this.element.setAttribute(
			"viewBox",
			`${whole.left + this.view.x} ${whole.top + this.view.y} ${width} ${height}`,
		);
		const unit = Math.max(width, height) / 100;
		const canvas = { x: 0, y: 0, ...state.canvas };
		/** @type {SVGElement[]} */
		const parts = [];
		const href = this.generated ?? this.background;
		const ground = JSON.stringify([canvas, href, look.background]);
		if (ground !== this.ground) {
			// seldom: a new image element at each move would be painted anew as well
			this.ground = ground;
			const image = { ...canvas, ...UNTOUCHED, preserveAspectRatio: "none", class: "background" };
			this.element.replaceChildren(
				svg("rect", { ...canvas, fill: "#000", class: "canvas" }),
				...(href && look.background > 0
					? [svg("image", { ...image, href, opacity: look.background })]
					: []),
				this.figures,
			);
		}
		/** @type {(people: Person[], attributes: Attributes) => void} */
		const remind = (people, attributes) => {
			const dim = {
				...UNTOUCHED,
				"stroke-width": unit * 0.9,
				"stroke-opacity": 0.35,
				...attributes,
			};
			parts.push(...people.flatMap(({ points }) => limbs(points, dim)));
		};
		if (look.connected) remind(state.connected(), { stroke: "#fff", class: "connected" });
		if (look.before)
			remind(state.before(), { class: "before", "stroke-dasharray": `${unit} ${unit * 1.4}` });
		const people = state.people();
		for (const [index, person] of people.entries())
			parts.push(...this.figure(person, index, people.length > 1, unit));
		if (state.played === null) parts.push(...(this.layer?.draw(unit) ?? []), ...this.handles(unit));
		if (this.marquee) {
			const line = { stroke: "#fff", "stroke-width": unit * 0.2, "stroke-dasharray": unit };
			parts.push(
				rect(this.marquee, { ...line, fill: "#fff", "fill-opacity": 0.08, class: "marquee" }),
			);
		}
		const focused = /** @type {SVGElement | null} */ (this.element.querySelector(":focus"))?.dataset
			.joint;
		this.figures.replaceChildren(...parts);
		this.focused = focused ?? this.focused;
		if (this.focused === undefined || this.gesture) return; // focus costs much of a move's time
		this.focus(this.focused);
		this.focused = undefined;
	}

	/** @param {number | string} joint */
	focus(joint) {
		const found = this.element.querySelector(
			`circle[data-person="${this.state.active}"][data-joint="${joint}"]`,
		);
		// without focus, keys would go to the graph
		/** @type {SVGElement} */ (found ?? this.element).focus();
	}

	/** @param {Person} person @param {number} index @param {boolean} several @param {number} unit */
	figure({ points, parts }, index, several, unit) {
		const { selected, active, played, canvas } = this.state;
		const inHand = index === active && played === null;
		const opacity = inHand || played !== null ? 1 : 0.55;
		const wrong = new Set(problems(points, canvas).flatMap(({ joints }) => joints));
		const { openPose } = this.look;
		const limb = {
			class: "limb",
			"stroke-width": unit,
			"stroke-opacity": (openPose ? 1 : 0.65) * opacity,
			"data-person": index,
		};
		const lines = limbs(points, limb, openPose);
		const detail = { ...UNTOUCHED, fill: "#bbb", opacity, class: "detail" };
		const dots = detailsOf(parts).map((point) => circle(point, unit * 0.25, detail));
		const who = several ? `, person ${index + 1}` : "";
		const joints = present(points).map((joint) => {
			const chosen = inHand && selected.has(joint);
			const dot = circle(at(points, joint), unit * (joint > 13 ? 0.8 : 1.2), {
				fill: openPose ? openPoseColour(joint) : jointColour(joint),
				stroke: chosen ? "#fff" : "#000",
				"stroke-width": unit * (chosen ? 0.5 : 0.2),
				opacity,
				class: wrong.has(joint) ? "joint wrong" : "joint",
				tabindex: 0,
				role: "button",
				"data-person": index,
				"data-joint": joint,
				"aria-label": `${JOINTS[joint]}${who}${chosen ? ", selected" : ""}`,
			});
			return dot;
		});
		const line = { stroke: "#ff5", "stroke-width": unit * 0.35, "stroke-dasharray": unit * 0.7 };
		const mark = { ...UNTOUCHED, ...line, fill: "none", class: "mark" };
		const marks = [...wrong].map((joint) => circle(at(points, joint), unit * 2.1, mark));
		return [...lines, ...dots, ...joints, ...marks];
	}

	/**
	 * The box around the selection with its corners to scale and its knob to turn.
	 * @param {number} unit
	 */
	handles(unit) {
		const points = this.state.person()?.points ?? [];
		const chosen = seen([...this.state.selected].map((joint) => points[joint]));
		if (chosen.length < 2) return [];
		const { width, height } = this.state.canvas;
		const box = grown(boxOf(chosen), HANDLES * Math.max(width, height));
		const { left, top, right, bottom } = box;
		const line = { stroke: "#fff", "stroke-opacity": 0.5, "stroke-width": unit * 0.2 };
		const frame = rect(box, { ...UNTOUCHED, ...line, fill: "none", class: "selection" });
		const handle = { fill: "#fff", class: "handle" };
		const corners = [
			[left, top],
			[right, top],
			[left, bottom],
			[right, bottom],
		].map(([x, y]) =>
			rect(grown({ left: x, top: y, right: x, bottom: y }, unit), {
				...handle,
				"data-handle": "scale",
			}),
		);
		const knob = circle([(left + right) / 2, top - unit * 4], unit * 1.2, {
			...handle,
			"data-handle": "turn",
		});
		return [frame, ...corners, knob];
	}

	// Hands.

	/** Place of a pointer in pixels of the canvas. @param {Spot} spot */
	place({ clientX, clientY }) {
		const matrix = this.element.getScreenCTM();
		if (!matrix) return [0, 0];
		const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(matrix.inverse());
		return [x, y];
	}

	/** Screen pixels in one of the canvas. */
	scale() {
		return this.element.getScreenCTM()?.a || 1;
	}

	/**
	 * The joint nearest to a pointer, if it is near; of another person only where it is nearer.
	 * @param {PointerEvent} event
	 */
	jointAt(event) {
		const here = this.place(event);
		const reach = (REACH[event.pointerType] ?? REACH.mouse) / this.scale();
		const joints = this.state.people().flatMap(({ points }, person) => {
			const more = person === this.state.active ? 0 : 1e-3;
			return present(points).map((joint) => ({
				person,
				joint,
				far: distance(here, at(points, joint)) + more,
			}));
		});
		return joints.filter(({ far }) => far <= reach).sort((a, b) => a.far - b.far)[0];
	}

	/** @param {PointerEvent} event */
	down(event) {
		if (!event.composedPath().includes(this.element) || event.button > 1) return;
		event.stopImmediatePropagation();
		event.preventDefault(); // no text is selected, no image dragged
		this.pointers.set(event.pointerId, event);
		if (this.pointers.size > 1 && event.pointerType === "touch") {
			this.gesture?.cancel?.();
			this.gesture = this.pinch();
		} else this.gesture = this.begin(event);
		this.state.show();
	}

	/** @param {PointerEvent} event */
	begin(event) {
		const { state } = this;
		const { handle, person: limbOf } = /** @type {SVGElement} */ (event.target).dataset ?? {};
		if (event.button === 1 || this.panning) return this.pan(event);
		state.played = null;
		if (handle) return this.transformation(event, handle);
		const layered = this.layer?.begin(event);
		if (layered) return layered;
		const found = this.jointAt(event);
		if (!found && limbOf === undefined) {
			this.element.focus();
			return this.boxSelection(event);
		}
		state.takePerson(found ? found.person : Number(limbOf));
		const start = state.person();
		if (!start) return NOTHING;
		if (!found) {
			this.element.focus();
			state.selectAll();
			return this.shift(event, start, present(start.points));
		}
		const { joint } = found;
		this.focus(joint);
		if (event.shiftKey || event.ctrlKey || event.metaKey) {
			state.toggle(joint);
			return NOTHING;
		}
		if (state.selected.size > 1 && state.selected.has(joint))
			return this.shift(event, start, [...state.selected]);
		state.select([joint]);
		const last = this.pressed;
		this.pressed = { joint: `${found.person} ${joint}`, time: event.timeStamp };
		const pull = this.pull(event, start, joint);
		if (last.joint !== this.pressed.joint || event.timeStamp - last.time > DOUBLE) return pull;
		// a second press that becomes a drag is one
		return { ...pull, end: () => (this.pressed.joint ? state.hide([joint]) : pull.end?.()) };
	}

	/** @param {PointerEvent} event */
	pan(event) {
		const { view } = this;
		const scale = this.scale();
		return {
			move: (/** @type {Spot} */ { clientX, clientY }) => {
				this.view = {
					...view,
					x: view.x - (clientX - event.clientX) / scale,
					y: view.y - (clientY - event.clientY) / scale,
				};
				this.render();
			},
		};
	}

	/** Two fingers: zoom and move the view. */
	pinch() {
		const fingers = () => {
			const [a, b = a] = this.pointers.values();
			const centre = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
			return { centre, spread: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) };
		};
		const { centre, spread } = fingers();
		const { zoom } = this.view;
		const held = this.place(centre);
		return {
			move: () => {
				if (this.pointers.size < 2) return;
				const now = fingers();
				this.zoomAt(now.centre, held, (zoom * now.spread) / (spread || 1));
			},
		};
	}

	/** @param {PointerEvent} event @param {Person} start @param {number} joint */
	pull(event, start, joint) {
		return this.merged(event, (from, to, now, gesture) =>
			this.state.pull(
				start,
				joint,
				plus(at(start.points, joint), minus(to, from)),
				now.altKey,
				gesture,
			),
		);
	}

	/** @param {PointerEvent} event @param {Person} start @param {number[]} joints */
	shift(event, start, joints) {
		const centre = centreOf(start, joints);
		return this.merged(event, (from, to, now, gesture) => {
			const by = minus(to, from);
			if (now.shiftKey)
				this.state.turn(start, joints, centre, by[0] * 0.01, Math.exp(-by[1] * 0.005), gesture);
			else this.state.transform(start, joints, (point) => plus(point, by), gesture);
		});
	}

	/** @param {PointerEvent} event @param {string} kind */
	transformation(event, kind) {
		const start = this.state.person();
		const joints = [...this.state.selected];
		if (!start || !joints.length) return NOTHING;
		const centre = centreOf(start, joints);
		return this.merged(event, (from, to, _, gesture) => {
			const angle = kind === "turn" ? direction(centre, to) - direction(centre, from) : 0;
			const scale =
				kind === "scale"
					? Math.max(0.05, distance(centre, to) / Math.max(1e-6, distance(centre, from)))
					: 1;
			this.state.turn(start, joints, centre, angle, scale, gesture);
		});
	}

	/** @param {PointerEvent} event @returns {Gesture} */
	boxSelection(event) {
		const { state } = this;
		const from = this.place(event);
		const kept = event.shiftKey ? [...state.selected] : [];
		state.select(kept);
		const end = () => {
			this.marquee = null;
		};
		return {
			end,
			cancel: end,
			move: (now) => {
				const box = boxOf([from, this.place(now)]);
				this.marquee = box;
				const inside = state
					.people()
					.map(({ points }) => present(points).filter((joint) => isInside(at(points, joint), box)));
				// whoever has most joints in it, unless some are kept
				const counts = inside.map(({ length }) => length);
				const most = Math.max(...counts);
				if (!kept.length && most > counts[state.active]) state.active = counts.indexOf(most);
				state.select([...kept, ...(inside[state.active] ?? [])]);
			},
		};
	}

	/**
	 * A gesture whose changes are undone together.
	 * @param {PointerEvent} event @param {MergedChange} change @returns {Gesture}
	 */
	merged(event, change) {
		const from = this.place(event);
		const gesture = {};
		let changed = false;
		const end = () => {
			if (changed) this.options.onRelease?.();
		};
		return {
			end,
			move: (now) => {
				changed = true;
				this.pressed.joint = "";
				change(from, this.place(now), now, gesture);
			},
			cancel: () => {
				if (changed) this.state.undo();
				end();
			},
		};
	}

	/**
	 * Zoom so that a place of the canvas stays under a place of the screen.
	 * @param {Spot} spot @param {Point} held @param {number} zoom
	 */
	zoomAt(spot, held, zoom) {
		this.view = { ...this.view, zoom: within(zoom, ...ZOOMS) };
		this.render();
		const [x, y] = minus(held, this.place(spot));
		this.view = { ...this.view, x: this.view.x + x, y: this.view.y + y };
		this.render();
	}
}

/** @type {(person: Person, joints: number[]) => Point} */
const centreOf = (person, joints) =>
	middleOf(boxOf(seen(joints.map((joint) => person.points[joint]))));

/** @param {Point} point @param {Box} box */
const isInside = ([x, y], { left, top, right, bottom }) =>
	x >= left && x <= right && y >= top && y <= bottom;
