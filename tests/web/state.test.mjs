// Everything the editor can do to a pose, without a page: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { standing } from "../../web/skeleton/anatomy.js";
import { distance } from "../../web/skeleton/geometry.js";
import { PRESETS, shapedHand } from "../../web/skeleton/hand.mjs";
import { faceOn, headFit } from "../../web/skeleton/head.mjs";
import { inPose, POSES, takePose } from "../../web/skeleton/library.mjs";
import { EditorState } from "../../web/skeleton/state.js";
import { readValue } from "../../web/skeleton/value.js";

const CANVAS = { width: 384, height: 512 };
const UPSTREAM = [
	{
		people: [{ pose_keypoints_2d: standing(200, 300).flatMap(([x, y]) => [x, y, 1]) }],
		canvas_width: 200,
		canvas_height: 300,
	},
];

function editor() {
	const texts = [];
	const state = new EditorState({
		onText: (text) => texts.push(text),
		onShow: () => {},
		fallbackCanvas: () => CANVAS,
	});
	return { state, texts };
}
const length = (points, a, b) =>
	Math.hypot(points[a][0] - points[b][0], points[a][1] - points[b][1]);

test("with nothing given somebody stands there, and nothing is edited", () => {
	const { state, texts } = editor();
	assert.equal(state.people().length, 1);
	assert.equal(state.text, "");
	assert.deepEqual(texts, []);
});

test("a connected pose initialises, edits win, and another pose asks which to use", () => {
	const { state } = editor();
	state.setRun({ start: UPSTREAM, upstream: "one", by_hand: false });
	assert.deepEqual(state.canvas, { width: 200, height: 300 });
	const start = state.people()[0].points;
	state.nudge(4, [5, -7], false);
	assert.equal(readValue(state.text, CANVAS).upstream, "one");
	const edited = state.people()[0].points;
	assert.notDeepEqual(edited, start);
	state.setRun({ start: UPSTREAM, upstream: "one", by_hand: true });
	assert.deepEqual(state.people()[0].points, edited);
	assert.equal(state.question(), null);
	state.setRun({ start: UPSTREAM, upstream: "two", by_hand: true });
	assert.deepEqual(state.people()[0].points, edited);
	assert.match(state.question().text, /Your edit is kept/);
	const text = state.text;
	state.answer("use the connected pose");
	assert.equal(state.text, "");
	assert.deepEqual(state.people()[0].points, start);
	state.undo();
	assert.equal(state.text, text);
	state.answer("use my edit");
	assert.equal(state.question(), null);
	assert.equal(readValue(state.text, CANVAS).upstream, "two");
	assert.deepEqual(state.people()[0].points, edited);
});

test("an edit of an earlier release gives way to another pose, and can be brought back", () => {
	const { state } = editor();
	state.setRun({ start: UPSTREAM, upstream: "one", by_hand: false });
	state.nudge(4, [5, -7], false);
	const edited = state.people()[0].points;
	const { keep_edit, ...old } = JSON.parse(state.text);
	assert.equal(keep_edit, true);
	state.setText(JSON.stringify(old));
	assert.deepEqual(state.people()[0].points, edited);
	state.setRun({ start: UPSTREAM, upstream: "two", by_hand: false });
	assert.notDeepEqual(state.people()[0].points, edited);
	assert.match(state.question().text, /set aside/);
	state.answer("use my edit");
	assert.deepEqual(state.people()[0].points, edited);
});

test("a paste over several keyframes or people asks first, and cancelling changes nothing", () => {
	const { state } = editor();
	const pasted = JSON.stringify(UPSTREAM);
	state.stand();
	state.paste(pasted);
	assert.equal(state.question(), null);
	assert.equal(state.canvas.width, 200);
	state.addPerson();
	const two = state.text;
	state.paste(pasted);
	assert.equal(state.text, two);
	assert.match(state.question().text, /2 people/);
	state.answer("cancel");
	assert.equal(state.text, two);
	assert.equal(state.question(), null);
	state.paste(pasted);
	state.answer("add to this frame");
	assert.equal(state.people().length, 3);
	state.addFrame();
	state.paste(pasted);
	assert.match(state.question().text, /2 keyframes/);
	state.answer("replace this frame");
	assert.deepEqual(
		state.shown().frames.map(({ length }) => length),
		[3, 1],
	);
	state.paste(pasted);
	state.answer("replace everything");
	assert.equal(state.shown().frames.length, 1);
});

test("another person stands beside the first one, as tall and on the same ground", () => {
	const { state } = editor();
	state.addPerson();
	const [first, second] = state.people().map(({ points }) => points);
	const box = (points, axis) => points.map((point) => point[axis]);
	assert.ok(Math.min(...box(second, 0)) > Math.max(...box(first, 0)));
	assert.ok(Math.max(...box(second, 0)) < CANVAS.width);
	assert.ok(Math.abs(Math.max(...box(first, 1)) - Math.max(...box(second, 1))) < 0.02);
	assert.ok(Math.abs(length(first, 1, 8) - length(second, 1, 8)) < 0.02);
});

test("what is shown and written is on the node's canvas, scaled uniformly and centred", () => {
	let canvas = { ...CANVAS };
	const state = new EditorState({
		onText: () => {},
		onShow: () => {},
		fallbackCanvas: () => CANVAS,
		canvas: () => canvas,
	});
	state.stand();
	const [x, y] = state.person().points[4];
	canvas = { width: 1024, height: 256 };
	assert.deepEqual(state.canvas, canvas);
	assert.deepEqual(
		state.person().points[4].map((v) => Math.round(v)),
		[x / 2 + (1024 - 192) / 2, y / 2].map((v) => Math.round(v)),
	);
	state.nudge(4, [3, 0], false);
	assert.equal(readValue(state.text, CANVAS).canvas.width, 1024);
	canvas = null; // not known
	assert.equal(state.canvas.width, 1024);
});

test("every command can be undone and redone", () => {
	const commands = {
		mirror: (s) => s.mirror(),
		copy: (s) => s.copySide("left"),
		straighten: (s) => s.straighten(),
		stand: (s) => s.stand(),
		hide: (s) => s.hide([3, 4]),
		"add a person": (s) => s.addPerson(),
		"remove a person": (s) => s.removePerson(),
		pose: (s) => takePose(s, POSES[12].points),
		keep: (s) => s.keepPose("mine"),
		frame: (s) => s.addFrame(),
		upright: (s) => s.setUpright(),
		nudge: (s) => s.nudge(4, [3, 3], false),
		loop: (s) => s.setPlayback({ loop: true }),
		paste: (s) => s.paste(JSON.stringify(UPSTREAM)),
	};
	for (const [name, act] of Object.entries(commands)) {
		const { state } = editor();
		takePose(state, POSES[16].points);
		const before = state.text;
		act(state);
		const after = state.text;
		assert.notEqual(after, before, name);
		state.undo();
		assert.equal(state.text, before, name);
		state.redo();
		assert.equal(state.text, after, name);
	}
});

test("a pull of many steps is undone as one", () => {
	const { state } = editor();
	state.stand();
	const before = state.text;
	const [start, gesture] = [state.person(), {}];
	for (let step = 1; step < 30; step++)
		state.pull(start, 7, [start.points[7][0] + step, start.points[7][1] - step], false, gesture);
	state.undo();
	assert.equal(state.text, before);
});

test("selected joints move, turn and scale as one; all of them take hands along", () => {
	const { state } = editor();
	state.stand();
	const start = state.person();
	state.select([3, 4]);
	state.nudge(3, [10, 0], false);
	assert.deepEqual(
		state.person().points[4],
		[start.points[4][0] + 10, start.points[4][1]].map((v) => Math.round(v * 100) / 100),
	);
	assert.ok(Math.abs(state.person().points[7][0] - start.points[7][0]) < 0.01);
	state.selectAll();
	assert.equal(state.selected.size, 18);
	state.turn(start, [...state.selected], [100, 100], 0, 2);
	assert.ok(Math.abs(length(state.person().points, 2, 3) - 2 * length(start.points, 2, 3)) < 0.03);
});

test("people are added, chosen and removed", () => {
	const { state } = editor();
	state.addPerson();
	assert.equal(state.people().length, 2);
	assert.equal(state.active, 1);
	state.removePerson();
	state.removePerson();
	assert.equal(state.people().length, 0);
	takePose(state, POSES[0].points);
	assert.equal(state.people().length, 1);
});

test("keyframes are added, ordered, timed, removed and played", () => {
	const { state } = editor();
	state.stand();
	state.addFrame();
	takePose(state, POSES.find(({ name }) => name === "kick").points);
	state.addFrame();
	assert.equal(state.shown().frames.length, 3);
	assert.equal(state.timing().total, 25);
	state.setStep({ duration: 5, easing: "linear" });
	state.takeFrame(0);
	state.setStep({ duration: 4, easing: "hold" });
	assert.deepEqual(
		state.shown().steps.map(({ duration }) => duration),
		[4, 12, 5],
	);
	const [first, second] = state.shown().frames;
	state.moveFrame(1);
	assert.deepEqual(state.shown().frames[0], second);
	assert.deepEqual(state.shown().frames[1], first);
	assert.equal(state.index, 1);
	state.play(6);
	const between = state.people()[0].points;
	assert.notDeepEqual(between, first[0].points);
	state.stand(); // a change ends the playback and is one of the keyframe in hand
	assert.equal(state.played, null);
	state.removeFrame();
	assert.equal(state.shown().frames.length, 2);
	const all = JSON.parse(state.asOpenPose());
	assert.equal(all.length, state.timing().total);
});

test("own poses stay with the workflow, over resets, pastes and another connected pose", () => {
	const { state } = editor();
	takePose(state, POSES[20].points);
	const points = state.person().points;
	state.keepPose("crossed");
	state.reset();
	assert.deepEqual(
		readValue(state.text, CANVAS).library.map(({ name }) => name),
		["crossed"],
	);
	assert.notDeepEqual(state.people()[0].points, points);
	state.setRun({ start: UPSTREAM, upstream: "other", by_hand: false });
	state.nudge(4, [1, 1], false);
	state.paste(JSON.stringify(UPSTREAM));
	assert.deepEqual(state.shown().library[0].points, points);
	state.dropPose(0);
	assert.deepEqual(state.shown().library, []);
});

test("a kept pose has the hands and face it was kept with, at the joints it gets", () => {
	const { state } = editor();
	const open = (person) => shapedHand(person, "handLeft", { curls: PRESETS.fist, roll: 0 });
	state.changePerson((person) => ({
		...person,
		parts: { ...person.parts, handLeft: open(person), face: faceOn(headFit(person)) },
	}));
	const before = state.person();
	state.keepPose("fist");
	state.stand(); // without hands
	takePose(state, POSES[20].points);
	assert.equal(state.person().parts.handLeft, null);
	const { points, parts } = readValue(state.text, CANVAS).library[0];
	takePose(state, points, parts);
	const { points: joints, parts: shown } = state.person();
	assert.deepEqual(shown.handLeft[0], joints[7]);
	const length = (hand) => distance(hand[0], hand[9]);
	const within = length(shown.handLeft) / length(before.parts.handLeft);
	assert.ok(within > 0.8 && within < 1.25, within);
	assert.equal(shown.face.length, 70);
	takePose(state, POSES[0].points); // which has none: the fist stays
	assert.equal(state.person().parts.handLeft.length, 21);
});

test("there are many named poses, all different, each within reach of a body", () => {
	assert.ok(POSES.length >= 24);
	assert.equal(new Set(POSES.map(({ name }) => name)).size, POSES.length);
	const drawn = POSES.map(({ points }) => JSON.stringify(points));
	assert.equal(new Set(drawn).size, POSES.length);
	for (const { name, points } of POSES) {
		assert.ok(points.filter((point) => point).length >= 14, name);
		assert.ok(
			points.every(
				(point) =>
					!point ||
					(point.every(Number.isFinite) &&
						Math.abs(point[0]) < 1 &&
						point[1] > -1.3 &&
						point[1] < 1e-9),
			),
			name,
		);
	}
});

test("a person takes a pose with their own limbs and ground, and keeps hidden joints", () => {
	const long = standing(384, 512).map((point, joint) =>
		[4, 7].includes(joint) ? [point[0], point[1] + 14] : point,
	);
	long[10] = null;
	for (const { name, points } of POSES) {
		const posed = inPose(long, points, CANVAS);
		assert.equal(posed[10], null);
		const forearms = [length(posed, 3, 4), length(posed, 6, 7)].map(
			(own, side) => own / (length(points, 3 + 3 * side, 4 + 3 * side) / 0.14),
		);
		assert.ok(
			forearms.every((full) => full > 0 && Number.isFinite(full)),
			name,
		);
	}
	const t = inPose(long, POSES.find(({ name }) => name === "T-pose").points, CANVAS);
	assert.ok(Math.abs(length(t, 3, 4) - length(long, 3, 4)) < 0.05 * length(long, 3, 4));
	assert.ok(Math.abs(t[13][1] - long[13][1]) < 1);
});

test("a pose taken from a foreshortened person gets its limbs back", () => {
	const once = standing(384, 512);
	const sitting = inPose(
		once,
		POSES.find(({ name }) => name.startsWith("sitting, from the front")).points,
		CANVAS,
	);
	const again = inPose(sitting, POSES[0].points, CANVAS);
	assert.ok(Math.abs(length(again, 8, 9) - length(once, 8, 9)) < 0.25 * length(once, 8, 9));
});

test("what cannot be read is said, and kept until something changes", () => {
	const { state, texts } = editor();
	state.setText("{broken");
	assert.match(state.said, /JSON/);
	assert.equal(state.text, "{broken");
	assert.deepEqual(texts, []);
	assert.equal(state.people().length, 1);
	state.paste("[1]");
	assert.equal(state.text, "{broken");
	state.stand();
	assert.equal(readValue(state.text, CANVAS).frames.length, 1);
});
