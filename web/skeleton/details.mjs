/** The tab "Hands": hands and face of the person in hand, by presets, by sliders and by hand. */

import { at, boxOf, distance, minus, plus, seen } from "./geometry.js";
import { FINGERS, fingerPulled, PRESETS, shapedHand, shapeOf, withFinger } from "./hand.mjs";
import { faceOn, headFit, headTurned, LIMITS } from "./head.mjs";
import { button, choice, html, row, slider, svg } from "./page.js";

/** @typedef {"handLeft" | "handRight" | "face"} PartName */

/** @type {Record<string, PartName>} */
const PARTS = { "left hand": "handLeft", "right hand": "handRight", face: "face" };
const REACH = { mouse: 7, pen: 10, touch: 18 }; // screen pixels from a point at which it is taken
const SOFT = 0.25; // of a face's width: neighbours that come along with a point of it
const BONE = { stroke: "#fff", "stroke-opacity": 0.5, "pointer-events": "none" };

export class Details {
	/** @param {EditorState} state @param {Stage} stage */
	constructor(state, stage) {
		this.state = state;
		this.stage = stage;
		/** The steps of one pull at a slider are undone together. */
		this.gesture = {};
		this.pulling = false;
		/** Who they were when the pull at a slider that turns the head began. @type {Person | null} */
		this.head = null;
		this.which = choice("Part of the body", Object.keys(PARTS), "", () => this.render());
		const presets = Object.entries(PRESETS).map(([name, curls]) =>
			button(name, `Hand: ${name}`, () => this.shape({ curls })),
		);
		this.fingers = FINGERS.map((name, finger) =>
			this.pulled(`Curl of the ${name} finger`.replace("thumb finger", "thumb"), 1, (curl) =>
				this.curl(finger, curl),
			),
		);
		this.roll = this.pulled("Turn of the hand about the forearm", 180, (roll) =>
			this.shape({ roll }),
		);
		this.roll.min = "-180";
		this.yaw = this.pulled("Turn of the head", LIMITS.yaw, (yaw) => this.look({ yaw }));
		this.nod = this.pulled("Nod of the head", LIMITS.nod, (nod) => this.look({ nod }));
		this.yaw.min = String(-LIMITS.yaw);
		this.nod.min = String(-LIMITS.nod);
		this.add = button("+ face", "Add a face", () => this.addFace());
		this.remove = button("remove", "Remove this part", () => this.put(this.part, null));
		/** @type {(name: string, field: HTMLInputElement) => HTMLElement} */
		const named = (name, field) => html("label", {}, name, field);
		this.ofHand = [
			...presets,
			...FINGERS.map((name, finger) => named(name, this.fingers[finger])),
			named("turn", this.roll),
		];
		this.ofFace = [this.add, named("turn", this.yaw), named("nod", this.nod)];
		this.element = html(
			"div",
			{ class: "details" },
			row(this.which, this.remove, ...this.ofHand, ...this.ofFace),
		);
		this.render();
	}

	/** A slider from 0 whose pull is one step for undo.
	 * @param {string} label @param {number} max @param {(value: number) => void} act */
	pulled(label, max, act) {
		const range = { min: 0, max, step: max > 1 ? 1 : 0.05, value: 0 };
		const field = slider(label, range, (value) => {
			this.pulling = true;
			act(value);
		});
		field.addEventListener("change", () => {
			this.pulling = false;
			this.gesture = {};
			this.head = null;
			this.render();
		});
		return field;
	}

	get part() {
		return PARTS[this.which.value];
	}

	/** @param {PartName} name @param {Points | null} points @param {unknown} [gesture] */
	put(name, points, gesture) {
		this.state.changePerson(
			(person) => ({ ...person, parts: { ...person.parts, [name]: points } }),
			gesture,
		);
	}

	/** @param {Partial<import("./hand.mjs").Shape>} change */
	shape(change) {
		const { part } = this;
		const person = this.state.person();
		if (!person || part === "face") return;
		const hand = shapedHand(person, part, { ...this.sliders(), ...change });
		if (!hand) return this.state.say("a hand needs its wrist: bring it back first");
		this.put(part, hand, this.gesture);
	}

	/** @param {number} finger @param {number} curl */
	curl(finger, curl) {
		const { part } = this;
		const person = this.state.person();
		if (!person || part === "face") return;
		const shape = this.sliders();
		const curls = shape.curls.with(finger, curl);
		const hand = withFinger(person, part, { ...shape, curls }, finger);
		if (!hand) return this.state.say("a hand needs its wrist: bring it back first");
		this.put(part, hand, this.gesture);
	}

	/** What the sliders say. */
	sliders() {
		const curls = this.fingers.map(({ value }) => Number(value));
		return { curls, roll: Number(this.roll.value) };
	}

	/** @param {Partial<import("./head.mjs").Look>} change */
	look(change) {
		// from the head as it was when the pull began, so that nothing adds up
		const person = this.head ?? this.state.person();
		const fit = person && headFit(person);
		if (!fit) return this.state.say("a head needs two of nose, eyes and ears");
		const look = { yaw: Number(this.yaw.value), nod: Number(this.nod.value), ...change };
		this.head = person;
		this.state.changePerson(() => headTurned(person, fit, look), this.gesture);
	}

	addFace() {
		const person = this.state.person();
		const fit = person && headFit(person);
		if (!fit) return this.state.say("a face needs two of nose, eyes and ears");
		this.put("face", faceOn(fit));
	}

	render() {
		const { part } = this;
		const person = this.state.person();
		const face = part === "face";
		for (const field of this.ofHand) field.hidden = face;
		for (const field of this.ofFace) field.hidden = !face;
		this.add.disabled = !person || !!person.parts.face;
		this.remove.disabled = !person?.parts[part];
		// a slider in hand is ahead of what it makes
		if (!person || this.pulling) return;
		if (face) {
			const look = headFit(person)?.look ?? { yaw: 0, nod: 0 };
			[this.yaw.value, this.nod.value] = [String(look.yaw), String(look.nod)];
			return;
		}
		const { curls, roll } = shapeOf(person, part);
		for (const [finger, field] of this.fingers.entries()) field.value = String(curls[finger]);
		this.roll.value = String(roll);
	}

	// On the stage, while the tab is open.

	/** Points that can be taken hold of, and the bones between them. @param {number} unit */
	draw(unit) {
		const { parts } = this.state.person() ?? {};
		return Object.values(PARTS).flatMap((name) => {
			const points = parts?.[name] ?? [];
			const bones = name === "face" ? [] : this.bones(points, unit);
			const dots = points.flatMap((point, index) => {
				if (!point || (name !== "face" && index === 0)) return [];
				const [cx, cy] = point;
				const dot = {
					fill: "#fff",
					stroke: "#000",
					"stroke-width": unit * 0.1,
					class: "detail held",
				};
				return [svg("circle", { cx, cy, r: unit * 0.3, ...dot, "data-part": name })];
			});
			return [...bones, ...dots];
		});
	}

	/** @param {Points} hand @param {number} unit */
	bones(hand, unit) {
		return hand.flatMap((point, index) => {
			const before = hand[index % 4 === 1 ? 0 : index - 1];
			if (!point || !before) return [];
			const [[x1, y1], [x2, y2]] = [before, point];
			return [svg("line", { x1, y1, x2, y2, "stroke-width": unit * 0.3, ...BONE })];
		});
	}

	/**
	 * What a press on a point of a part begins; null where none is near.
	 * @param {PointerEvent} event @returns {Gesture | null}
	 */
	begin(event) {
		const person = this.state.person();
		if (!person) return null;
		const here = this.stage.place(event);
		const kind = /** @type {keyof typeof REACH} */ (event.pointerType);
		const reach = (REACH[kind] ?? REACH.mouse) / this.stage.scale();
		const [found] = Object.values(PARTS)
			.flatMap((name) =>
				(person.parts[name] ?? []).flatMap((point, index) =>
					point && (name === "face" || index > 0)
						? [{ name, index, far: distance(here, point) }]
						: [],
				),
			)
			.filter(({ far }) => far <= reach)
			.sort((a, b) => a.far - b.far);
		if (!found) return null;
		const start = /** @type {Points} */ (person.parts[found.name]);
		return this.stage.merged(event, (from, to, now, gesture) => {
			const target = plus(at(start, found.index), minus(to, from));
			const pull = found.name === "face" ? facePulled : fingerPulled;
			this.put(found.name, pull(start, found.index, target, now.altKey), gesture);
		});
	}
}

/**
 * A point of a face moved, and its neighbours a little; where `alone`, only this one.
 * @param {Points} face @param {number} index @param {Point} target @param {boolean} alone
 */
function facePulled(face, index, target, alone) {
	const here = at(face, index);
	const [dx, dy] = minus(target, here);
	const { left, right } = boxOf(seen(face));
	const reach = SOFT * (right - left);
	return face.map((point, other) => {
		if (!point || other === index) return point && target;
		const near = alone ? 0 : Math.max(0, 1 - distance(point, here) / (reach || 1)) ** 2;
		return plus(point, [dx * near, dy * near]);
	});
}
