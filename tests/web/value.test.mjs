// The text that travels with a workflow, and undo: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { standing } from "../../web/skeleton/anatomy.js";
import { History } from "../../web/skeleton/history.js";
import { writeOpenPose } from "../../web/skeleton/openpose.js";
import {
	MIRRORED_FACE,
	mapped,
	mirrored,
	NO_PARTS,
	personOf,
	withPoints,
} from "../../web/skeleton/person.js";
import { dragJoint } from "../../web/skeleton/pose.js";
import { PoseTextError, readValue, writeValue } from "../../web/skeleton/value.js";

const CANVAS = { width: 384, height: 512 };
const ELSEWHERE = { width: 1, height: 1 };
const PERSON = standing(384, 512).map(([x, y]) => [
	Math.round(x * 100) / 100,
	Math.round(y * 100) / 100,
]);
const HAND = Array.from({ length: 21 }, (_, index) => [
	PERSON[7][0] + index,
	PERSON[7][1] + 2 * index,
]);
const WHOLE = {
	...personOf(PERSON),
	parts: { ...NO_PARTS, handLeft: HAND },
	rest: { id: 7 },
};

test("a value survives reading and writing, with hands, keyframes and kept poses in it", () => {
	const hidden = { ...WHOLE, points: PERSON.map((point, joint) => (joint === 4 ? null : point)) };
	const edit = {
		canvas: CANVAS,
		frames: [[hidden], []],
		steps: [
			{ duration: 6, easing: "smooth" },
			{ duration: 1, easing: "linear" },
		],
		loop: true,
		rate: 24,
		upstream: "abc",
		keep: true,
		library: [{ name: "mine", points: PERSON }],
		foreign: false,
	};
	assert.deepEqual(readValue(writeValue(edit), ELSEWHERE), edit);
	const open = readValue(writeOpenPose(edit.frames, CANVAS), ELSEWHERE);
	assert.deepEqual(open.frames[0][0].points, hidden.points);
	assert.deepEqual(open.frames[0][0].parts.handLeft, HAND);
	assert.ok(open.foreign);
});

test("confidences are kept, of feet too; what a hand has placed is certain", () => {
	const flat = PERSON.flatMap(([x, y], joint) => [x, y, joint === 4 ? 0.04 : 0.5]);
	const feet = Array.from({ length: 6 }, (_, index) => [150 + index, 450, 0.25]).flat();
	const person = { pose_keypoints_2d: flat, foot_keypoints_2d: feet };
	const document = [{ people: [person], canvas_width: 384, canvas_height: 512 }];
	const edit = readValue(JSON.stringify(document), ELSEWHERE);
	const [written] = JSON.parse(writeValue(edit)).frames[0].people;
	assert.deepEqual(written, person);
	assert.deepEqual(
		JSON.parse(writeOpenPose(edit.frames, CANVAS))[0].people[0].foot_keypoints_2d,
		feet,
	);
	const [given] = edit.frames[0];
	const scores = (points) => points.map((point) => point[2] ?? 1);
	const pulled = dragJoint(given.points, 4, [100, 100], true);
	assert.deepEqual(scores(pulled), scores(given.points).with(4, 1));
	const shifted = mapped(given, ([x, y]) => [x + 5, y]);
	assert.deepEqual(scores(shifted.points), scores(given.points));
	assert.equal(mirrored(given).points[7][2], 0.04);
	const { footLeft } = withPoints(given, pulled).parts;
	assert.deepEqual(scores(footLeft), [0.25, 0.25, 0.25]);
});

test("a person in the corner of the picture is not taken for shares of it", () => {
	const corner = PERSON.map((_, joint) => [joint * 0.05, 0.5]);
	const edit = {
		...readValue(writeOpenPose([[personOf(corner)]], CANVAS), CANVAS),
		foreign: false,
	};
	assert.deepEqual(edit.frames[0][0].points[2], [0.1, 0.5]);
	assert.deepEqual(readValue(writeValue(edit), ELSEWHERE).frames[0][0].points[2], [0.1, 0.5]);
});

test("a value of version 1 is read: its frames follow each other at once", () => {
	const people = [{ pose_keypoints_2d: PERSON.flatMap(([x, y]) => [x, y, 1]) }];
	const old = {
		version: 1,
		canvas_width: 384,
		canvas_height: 512,
		upstream: "ab",
		frames: [{ people }, { people }],
	};
	const edit = readValue(JSON.stringify(old), ELSEWHERE);
	assert.deepEqual(edit.steps, [
		{ duration: 1, easing: "linear" },
		{ duration: 1, easing: "linear" },
	]);
	assert.equal(edit.upstream, "ab");
	assert.ok(!edit.loop && !edit.foreign);
});

test("what is no pose is said in words", () => {
	const people = [{ pose_keypoints_2d: PERSON.flatMap(([x, y]) => [x, y, 1]) }];
	const step = (more) =>
		JSON.stringify({
			version: 2,
			canvas_width: 9,
			canvas_height: 9,
			frames: [{ people, ...more }, { people }],
		});
	const texts = [
		"{",
		"3",
		"null",
		'"x"',
		"[3]",
		"[[]]",
		'{"version": 9, "frames": []}',
		'{"version": "1", "frames": []}',
		'{"version": "constructor", "frames": []}',
		'{"version": null, "frames": []}',
		'{"version": 2}',
		'{"people":[{"pose_keypoints_2d":[1,2]}]}',
		'{"people":[{"pose_keypoints_2d":["a"]}]}',
		'{"people": 3}',
		'{"people": [null]}',
		'{"people": [], "canvas_width": 3}',
		'{"people": [], "canvas_width": 1e9, "canvas_height": 3}',
		'{"version": {"toString": 1}, "frames": []}',
		step({ easing: { toString: 1, valueOf: 1 } }),
		step({ easing: ["linear"] }),
		'{"version": 2, "frames": [], "loop": "true"}',
		'{"version": 2, "frames": [], "upstream": {}}',
		step({ steps: 0 }),
		step({ steps: 1e9 }),
		step({ steps: "3" }),
		step({ easing: "bouncy" }),
		step({ easing: "toString" }),
	];
	for (const text of texts) assert.throws(() => readValue(text, CANVAS), PoseTextError, text);
});

test("a broken kept pose costs nothing else", () => {
	const document = JSON.parse(
		writeValue({
			...readValue(writeOpenPose([[WHOLE]], CANVAS), CANVAS),
			library: [{ name: "a", points: PERSON }],
		}),
	);
	document.library.push({ name: "b", pose_keypoints_2d: [1] }, null, 3, {});
	document.library[0].name = { toString: 1 };
	const edit = readValue(JSON.stringify(document), CANVAS);
	assert.deepEqual(
		edit.library.map(({ name }) => name),
		["pose"],
	);
	assert.equal(edit.frames.length, 1);
});

test("a hand goes along with its wrist, and goes where its wrist is hidden", () => {
	const points = dragJoint(PERSON, 7, [PERSON[5][0] + 60, PERSON[5][1] - 20]);
	const { handLeft } = withPoints(WHOLE, points).parts;
	const far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
	for (const [index, point] of HAND.entries())
		assert.ok(Math.abs(far(handLeft[index], points[7]) - far(point, PERSON[7])) < 1e-9);
	assert.equal(
		withPoints(
			WHOLE,
			PERSON.map((point, joint) => (joint === 7 ? null : point)),
		).parts.handLeft,
		null,
	);
});

test("feet move with their ankles, change sides in the mirror, and are written back", () => {
	const foot = (ankle) => [1, 2, 3].map((by) => [PERSON[ankle][0] + by, PERSON[ankle][1] + 2]);
	const flat = [...foot(13), ...foot(10)].flatMap(([x, y]) => [x, y, 1]);
	const people = [
		{ pose_keypoints_2d: PERSON.flatMap(([x, y]) => [x, y, 1]), foot_keypoints_2d: flat },
	];
	const canvas = { canvas_width: 384, canvas_height: 512 };
	const edit = readValue(JSON.stringify({ people, ...canvas }), ELSEWHERE);
	assert.deepEqual(JSON.parse(writeValue(edit)).frames[0].people, people);
	const [person] = edit.frames[0];
	assert.deepEqual(person.parts.footLeft, foot(13));
	const down = PERSON.map((point, joint) => (joint === 13 ? [point[0], point[1] + 20] : point));
	const { parts } = withPoints(person, down);
	assert.deepEqual(parts.footRight, foot(10));
	for (const [index, [x, y]] of parts.footLeft.entries()) {
		const [from, to] = [foot(13)[index], down[13]];
		const far = Math.hypot(from[0] - PERSON[13][0], from[1] - PERSON[13][1]);
		assert.ok(Math.abs(Math.hypot(x - to[0], y - to[1]) - far) < 1e-9);
	}
	assert.equal(mirrored(person).parts.footRight.length, 3);
	const hidden = PERSON.map((point, joint) => (joint === 13 ? null : point));
	const left = writeValue({ ...edit, frames: [[withPoints(person, hidden)]] });
	assert.deepEqual(
		JSON.parse(left).frames[0].people[0].foot_keypoints_2d.slice(0, 9),
		Array(9).fill(0),
	);
});

test("in the mirror hands change sides, and the points of the face names", () => {
	const flipped = mirrored(WHOLE);
	assert.equal(flipped.parts.handLeft, null);
	assert.equal(flipped.parts.handRight.length, 21);
	assert.deepEqual(
		MIRRORED_FACE.map((index) => MIRRORED_FACE[index]),
		MIRRORED_FACE.map((_, index) => index),
	);
});

test("a gesture is undone as one step", () => {
	const history = new History(0);
	history.push(1);
	for (const value of [2, 3, 4]) history.push(value, "drag");
	history.push(5, "another");
	assert.ok(history.undo());
	assert.equal(history.now, 4);
	assert.ok(history.undo());
	assert.equal(history.now, 1);
	assert.ok(history.redo() && history.redo());
	assert.equal(history.now, 5);
	assert.ok(!history.redo());
	assert.ok(history.undo() && history.undo() && history.undo() && !history.undo());
	assert.equal(history.now, 0);
});
