/**
 * What the editor holds and every way to change it, without a page. The value is one text; each
 * change writes it anew, so that undo, the graph and the prompt all see the same.
 */

import { standing } from "./anatomy.js";
import { present } from "./frames.js";
import { plus, turnedPoint, within } from "./geometry.js";
import { History } from "./history.js";
import { frameAt, frameCount, startOf } from "./interpolation.js";
import { fitted, writeOpenPose } from "./openpose.js";
import { keptPose, mapped, mirrored, personOf, withPoints } from "./person.js";
import {
	copiedSide,
	dragBoth,
	dragJoint,
	restored,
	standingBeside,
	straightened,
	upright,
} from "./pose.js";
import { AT_ONCE, openEdit, PoseTextError, readValue, unlessNoPose, writeValue } from "./value.js";

/**
 * The list with one of its items changed.
 * @template T @param {T[]} list @param {number} index @param {(item: T) => T} change
 */
const changedAt = (list, index, change) =>
	list.map((item, at) => (at === index ? change(item) : item));

/** The list without one of its items.
 * @template T @param {T[]} list @param {number} index */
const without = (list, index) => list.filter((_, at) => at !== index);

/** What there is, in words. @param {Person[][]} frames */
const counted = (frames) =>
	frames.length > 1 ? `${frames.length} keyframes` : `${frames[0].length} people`;

export class EditorState {
	/** @param {StateOptions} options */
	constructor(options) {
		this.options = options;
		this.text = "";
		/** @type {Edit | null} the edit in `text` */
		this.edit = null;
		/** @type {PoseRun | null} */
		this.run = null;
		/** @type {Edit | null} the connected pose */
		this.start = null;
		this.said = "";
		this.active = 0; // index of the current person
		/** @type {Set<number>} joints of the current person */
		this.selected = new Set();
		this.frame = 0; // index of the keyframe shown
		this.free = false; // joints move alone, and lengths change
		this.symmetric = false; // the other side does the same in the mirror
		/** @type {number | null} frame of the sequence that playback shows */
		this.played = null;
		this.history = new History("");
		/** @type {Question | null} what a paste has to know first */
		this.asked = null;
		/**
		 * What is shown, as long as it is made from the same.
		 * @type {{source: Edit, width: number, height: number, edit: Edit} | null}
		 */
		this.fit = null;
	}

	// What is shown.

	/** The edit that counts, or what it would start from. */
	shown() {
		const shown = this.counting();
		const canvas = this.options.canvas?.() ?? shown.canvas;
		const { width, height } = canvas;
		if (this.fit?.source === shown && this.fit.width === width && this.fit.height === height)
			return this.fit.edit;
		const frames = shown.frames.map((people) => fitted(people, shown.canvas, canvas));
		const same = frames.every((people, index) => people === shown.frames[index]);
		const edit = same ? shown : { ...shown, canvas, frames };
		this.fit = { source: shown, width, height, edit };
		return edit;
	}

	/** The same on the canvas it was made on. @returns {Edit} */
	counting() {
		const upstream = this.run?.upstream ?? null;
		const edit = this.edit;
		if (edit?.frames.length && (edit.keep || !this.outdated)) return edit;
		const kept = {
			keep: true,
			loop: false,
			rate: edit?.rate ?? 12,
			library: edit?.library ?? [],
			upstream,
			foreign: false,
		};
		if (this.start) return { ...this.start, ...kept };
		const canvas = this.options.fallbackCanvas();
		const person = personOf(standing(canvas.width, canvas.height));
		return { canvas, frames: [[person]], steps: [AT_ONCE], ...kept };
	}

	/** Whether the connected pose is another one than the edit was made over. */
	get outdated() {
		const { edit, run } = this;
		return (
			!!edit?.frames.length && !edit.foreign && !!run?.upstream && edit.upstream !== run.upstream
		);
	}

	get canvas() {
		return this.shown().canvas;
	}

	/** Index of the keyframe shown; a text from outside may have fewer than the one before. */
	get index() {
		return Math.min(this.frame, this.shown().frames.length - 1);
	}

	/** The people to draw: of the current keyframe, or of the frame that is played. */
	people() {
		const shown = this.shown();
		if (this.played !== null) return frameAt(shown.frames, shown.steps, this.played);
		return shown.frames[this.index] ?? [];
	}

	/** The one in hand, if there is one. */
	person() {
		return this.people()[this.active];
	}

	/** The connected pose, to show under the edit. */
	connected() {
		return this.start ? this.start.frames[Math.min(this.index, this.start.frames.length - 1)] : [];
	}

	/** The keyframe before; before the first, the pose as it was before the last change. */
	before() {
		if (this.index > 0) return this.shown().frames[this.index - 1];
		const last = this.history.past.at(-1);
		return last
			? unlessNoPose(
					() => this.parsed(last.value)?.frames[this.index] ?? this.connected(),
					() => [],
				)
			: [];
	}

	/** @param {string} text */
	parsed(text) {
		return readValue(text, this.options.fallbackCanvas());
	}

	// From outside.

	/** Take a value: a loaded workflow, a paste, the graph's own undo. @param {string} text */
	setText(text) {
		if (text === this.text) return;
		this.text = text;
		this.history.reset(text);
		this.selected.clear();
		this.asked = null;
		this.read();
	}

	/** @param {PoseRun} run */
	setRun(run) {
		this.run = run;
		this.played = null;
		this.start = run.start && openEdit(run.start, this.options.fallbackCanvas());
		this.show();
	}

	read() {
		this.played = null; // the sequence may be another, or none
		this.said = "";
		this.edit = unlessNoPose(
			() => this.parsed(this.text),
			(error) => {
				this.said = `${error.message}. The text is kept until you change the pose.`;
				return null;
			},
		);
		this.show();
	}

	show() {
		this.active = within(this.active, 0, Math.max(0, this.people().length - 1));
		const points = this.person()?.points ?? [];
		for (const joint of this.selected) if (!points[joint]) this.selected.delete(joint);
		this.options.onShow();
	}

	/** @param {string} text */
	say(text) {
		this.said = text;
		this.options.onShow();
	}

	// Changes.

	/** @param {string} text @param {unknown} [gesture] */
	commit(text, gesture) {
		this.history.push(text, gesture);
		this.take(text);
	}

	/** @param {string} text */
	take(text) {
		this.text = text;
		this.read();
		this.options.onText(text);
	}

	/** @param {(edit: Edit) => Partial<Edit>} change @param {unknown} [gesture] */
	change(change, gesture) {
		const before = this.shown();
		this.commit(writeValue({ ...before, ...change(before), ...this.madeOver(before) }), gesture);
	}

	/** Which connected pose a change is made over; what is made here outlives the next one.
	 * @param {{upstream: string | null}} before */
	madeOver = ({ upstream }) => ({ upstream: this.run?.upstream ?? upstream, keep: true });

	// Questions.

	/** What the artist has to decide, if there is anything. @returns {Question | null} */
	question() {
		if (this.asked || !this.outdated) return this.asked;
		const { edit } = this;
		if (!edit) return null;
		const fate = edit.keep ? "kept" : "set aside, but not lost";
		return {
			text: `Another pose is connected. Your edit is ${fate}.`,
			answers: {
				"use my edit": () => this.commit(writeValue({ ...edit, ...this.madeOver(edit) })),
				"use the connected pose": () => this.reset(),
			},
		};
	}

	/** @param {string} name of one of the question's answers */
	answer(name) {
		const act = this.question()?.answers[name];
		this.asked = null;
		act?.();
		this.show();
	}

	/**
	 * Change the people of the current keyframe.
	 * @param {(people: Person[], canvas: Canvas) => Person[]} change @param {unknown} [gesture]
	 */
	changePeople(change, gesture) {
		const { index } = this;
		this.change(
			({ frames, canvas }) => ({
				frames: changedAt(frames, index, (people) => change(people, canvas)),
			}),
			gesture,
		);
	}

	/**
	 * Change the current person.
	 * @param {(person: Person, canvas: Canvas) => Person} change @param {unknown} [gesture]
	 */
	changePerson(change, gesture) {
		this.changePeople(
			(people, canvas) => changedAt(people, this.active, (person) => change(person, canvas)),
			gesture,
		);
	}

	/**
	 * Change the joints alone; hands, face and feet move with them.
	 * @param {(points: Points, canvas: Canvas) => Points} change
	 */
	changePoints(change) {
		this.changePerson((person, canvas) => withPoints(person, change(person.points, canvas)));
	}

	undo() {
		if (this.history.undo()) this.take(this.history.now);
	}

	redo() {
		if (this.history.redo()) this.take(this.history.now);
	}

	// Joints.

	/**
	 * Drag a joint, from the person as it was when the gesture began.
	 * @param {Person} start @param {number} joint @param {Point} target @param {boolean} alone
	 * @param {unknown} gesture
	 */
	pull(start, joint, target, alone, gesture) {
		const drag = this.symmetric ? dragBoth : dragJoint;
		const points = drag(start.points, joint, target, alone || this.free);
		this.changePerson(() => withPoints(start, points), gesture);
	}

	/**
	 * Push the selected joints, or one, a little.
	 * @param {number} joint @param {Point} by @param {boolean} alone
	 */
	nudge(joint, by, alone) {
		this.played = null; // what is pushed is the keyframe
		const person = this.person();
		const here = person?.points[joint];
		if (!here) return;
		const gesture = `nudge ${this.index} ${this.active} ${joint}`;
		if (this.selected.size > 1 && this.selected.has(joint)) {
			this.transform(person, [...this.selected], (point) => plus(point, by), gesture);
		} else this.pull(person, joint, plus(here, by), alone, gesture);
	}

	/**
	 * Move some joints alike; if those are all, the hands, the face and the feet too.
	 * @param {Person} start @param {number[]} joints @param {Move} change @param {unknown} [gesture]
	 */
	transform(start, joints, change, gesture) {
		const whole = present(start.points).every((joint) => joints.includes(joint));
		const some = () =>
			start.points.map((point, joint) => (point && joints.includes(joint) ? change(point) : point));
		this.changePerson(() => (whole ? mapped(start, change) : withPoints(start, some())), gesture);
	}

	/**
	 * @param {Person} start @param {number[]} joints @param {Point} centre @param {number} angle
	 * @param {number} scale @param {object} gesture
	 */
	turn(start, joints, centre, angle, scale, gesture) {
		this.transform(start, joints, (point) => turnedPoint(point, centre, angle, scale), gesture);
	}

	/** @param {number[]} joints */
	hide(joints) {
		this.changePoints((points) =>
			points.map((point, joint) => (joints.includes(joint) ? null : point)),
		);
	}

	/** @param {number} joint */
	bringBack(joint) {
		this.changePoints((points, canvas) => restored(points, joint, canvas));
	}

	/** @param {Iterable<number>} joints */
	select(joints) {
		this.selected = new Set(joints);
		this.show();
	}

	/** Into the selection, or out of it. @param {number} joint */
	toggle(joint) {
		const selected = new Set(this.selected);
		if (!selected.delete(joint)) selected.add(joint);
		this.select(selected);
	}

	selectAll() {
		this.select(present(this.person()?.points ?? []));
	}

	// The current person.

	mirror() {
		this.changePerson(mirrored);
	}

	/** @param {"left" | "right"} from */
	copySide(from) {
		this.changePoints((points) => copiedSide(points, from));
	}

	straighten() {
		this.changePoints((points) => straightened(points, [...this.selected]));
	}

	setUpright() {
		this.changePoints(upright);
	}

	stand() {
		this.changePerson((person, { width, height }) => ({
			...personOf(standing(width, height)),
			rest: person.rest,
		}));
	}

	/** Put the pose of the current person into the workflow's own library. @param {string} name */
	keepPose(name) {
		const person = this.person();
		if (person) this.change(({ library }) => ({ library: [...library, keptPose(name, person)] }));
	}

	/** @param {number} index */
	dropPose(index) {
		this.change(({ library }) => ({ library: without(library, index) }));
	}

	/** Discard the edit: the connected pose again, or a standing person. Kept poses stay. */
	reset() {
		const shown = this.shown();
		this.frame = 0;
		this.commit(
			shown.library.length
				? writeValue({ ...shown, frames: [], steps: [], loop: false, upstream: null })
				: "",
		);
	}

	// People.

	addPerson() {
		this.active = this.people().length;
		this.changePeople((people, canvas) => [...people, personOf(standingBeside(people, canvas))]);
	}

	removePerson() {
		const gone = this.active;
		this.selected.clear();
		this.changePeople((people) => without(people, gone));
	}

	/** @param {number} index */
	takePerson(index) {
		if (index !== this.active) this.selected.clear();
		this.active = index;
		this.show();
	}

	// Keyframes.

	/** A keyframe after this one, alike. */
	addFrame() {
		const index = this.index;
		this.frame = index + 1;
		this.change(({ frames, steps }) => {
			// what led to a plain next frame leads to the new one at the usual pace
			const step = frames.length === 1 ? { duration: 12, easing: "smooth" } : steps[index];
			return {
				frames: frames.toSpliced(index, 0, frames[index]),
				steps: steps.toSpliced(index, 1, step, { ...step }),
			};
		});
	}

	removeFrame() {
		const index = this.index;
		if (this.shown().frames.length < 2) return;
		this.frame = Math.max(0, index - 1);
		this.change(({ frames, steps }) => ({
			frames: without(frames, index),
			steps: without(steps, index),
		}));
	}

	/** @param {number} by */
	moveFrame(by) {
		const from = this.index;
		const to = from + by;
		if (to < 0 || to >= this.shown().frames.length) return;
		this.frame = to;
		// the poses change places; the timing belongs to the places
		this.change(({ frames }) => ({ frames: without(frames, from).toSpliced(to, 0, frames[from]) }));
	}

	/** @param {Partial<Step>} change */
	setStep(change) {
		const { index } = this;
		this.change(({ steps }) => ({
			steps: changedAt(steps, index, (step) => ({ ...step, ...change })),
		}));
	}

	/** @param {Partial<Edit>} change */
	setPlayback(change) {
		this.change(() => change);
	}

	/** @param {number} index */
	takeFrame(index) {
		this.frame = index;
		this.played = null;
		this.show();
	}

	/** Number of frames that go out, and the one the current keyframe stands at. */
	timing() {
		const { steps, loop } = this.shown();
		return { total: frameCount(steps, loop), now: this.played ?? startOf(steps, this.index) };
	}

	/** @param {number} frame */
	play(frame) {
		this.played = frame;
		this.show();
	}

	// Files.

	/**
	 * Take OpenPose JSON or the editor's own text as a new edit. Where it would take the place of
	 * several keyframes or people, ask first.
	 * @param {string} text
	 */
	paste(text) {
		unlessNoPose(
			() => {
				const edit = readValue(text, this.canvas);
				if (!edit?.frames.length) throw new PoseTextError("the text holds no pose");
				const { frames } = this.shown();
				const several = this.edit?.frames.length && (frames.length > 1 || this.people().length > 1);
				if (!several) return this.replaceAll(edit);
				const [pasted] = edit.frames;
				const here = (/** @type {Canvas} */ canvas) => fitted(pasted, edit.canvas, canvas);
				this.asked = {
					text: `Paste over ${counted(frames)}?`,
					answers: {
						"replace everything": () => this.replaceAll(edit),
						...(edit.frames.length === 1 && {
							"replace this frame": () => this.changePeople((_, canvas) => here(canvas)),
							"add to this frame": () =>
								this.changePeople((people, canvas) => [...people, ...here(canvas)]),
						}),
						cancel: () => {},
					},
				};
				this.show();
			},
			(error) => this.say(error.message),
		);
	}

	/** @param {Edit} edit */
	replaceAll(edit) {
		this.frame = 0;
		const library = edit.library.length ? edit.library : this.shown().library;
		this.commit(writeValue({ ...edit, library, ...this.madeOver({ upstream: null }) }));
	}

	/** All frames that go out, as OpenPose JSON every pack reads. */
	asOpenPose() {
		const { canvas, frames, steps } = this.shown();
		const all = Array.from({ length: this.timing().total }, (_, number) =>
			frameAt(frames, steps, number),
		);
		return writeOpenPose(all, canvas);
	}
}
