/**
 * Properties that hold for any pose and any document, by fast-check; a failure prints the seed and
 * the smallest example.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";

import { LIMBS, standing, TWO_BONES } from "../../web/skeleton/anatomy.js";
import { present } from "../../web/skeleton/frames.js";
import { boxOf, direction, distance, turnedPoint, wrapped } from "../../web/skeleton/geometry.js";
import { between, EASINGS, frameAt, frameCount } from "../../web/skeleton/interpolation.js";
import { fitted, PoseTextError, readOpenPose } from "../../web/skeleton/openpose.js";
import { mirrored, personOf } from "../../web/skeleton/person.js";
import {
	copiedSide,
	dragJoint,
	problems,
	restored,
	straightened,
	upright,
} from "../../web/skeleton/pose.js";
import { RATES, readValue, writeValue } from "../../web/skeleton/value.js";

const CANVAS = { width: 384, height: 512 };
const RUNS = { numRuns: 400, seed: Number(process.env.SEED ?? 20251125) };
const coordinate = (most) =>
	fc.integer({ min: 0, max: most * 100 }).map((hundredths) => hundredths / 100);
const point = fc.tuple(coordinate(383), coordinate(511));
const joint = fc.integer({ min: 0, max: 17 });

/** A standing person with every joint moved a little, and some hidden. */
const points = fc
	.tuple(
		fc.array(fc.tuple(coordinate(40), coordinate(40)), { minLength: 18, maxLength: 18 }),
		fc.array(fc.boolean(), { minLength: 18, maxLength: 18 }),
	)
	.map(([shifts, hidden]) =>
		standing(CANVAS.width, CANVAS.height).map(([x, y], at) =>
			hidden[at] && at % 3 ? null : [x + shifts[at][0], y + shifts[at][1]],
		),
	);
const whole = points.map((some) => some.map((one, at) => one ?? standing(384, 512)[at]));
const somebody = points.filter((some) => present(some).length > 0);

const close = (a, b, far = 1e-6) => Math.abs(a - b) < far;
const finite = (some) => some.every((one) => one === null || one.every(Number.isFinite));
const holds = (name, arbitraries, claim) =>
	test(name, () => fc.assert(fc.property(...arbitraries, claim), RUNS));

holds(
	"turning back brings a point home",
	[point, point, fc.double({ min: -9, max: 9, noNaN: true })],
	(p, centre, angle) => {
		const [x, y] = turnedPoint(turnedPoint(p, centre, angle), centre, -angle);
		assert.ok(close(x, p[0]) && close(y, p[1]));
	},
);

holds(
	"a wrapped angle lies within half a turn and points the same way",
	[fc.double({ min: -1e3, max: 1e3, noNaN: true })],
	(angle) => {
		const found = wrapped(angle);
		assert.ok(found >= -Math.PI - 1e-9 && found <= Math.PI + 1e-9);
		assert.ok(close(Math.cos(found), Math.cos(angle)) && close(Math.sin(found), Math.sin(angle)));
	},
);

holds("the box of points holds each of them", [fc.array(point, { minLength: 1 })], (some) => {
	const { left, top, right, bottom } = boxOf(some);
	for (const [x, y] of some) assert.ok(x >= left && x <= right && y >= top && y <= bottom);
});

holds(
	"a drag keeps every length of the limbs and hides nothing",
	[whole, joint, point],
	(before, moved, target) => {
		const after = dragJoint(before, moved, target);
		assert.deepEqual(present(after), present(before));
		assert.ok(finite(after));
		for (const [a, b] of LIMBS) {
			// the trunk bends where the hips are dragged, and shoulders and hips turn about the neck
			if (
				TWO_BONES.some(([end, middle, root]) =>
					[`${middle} ${end}`, `${root} ${middle}`].includes(`${a} ${b}`),
				)
			)
				assert.ok(
					close(distance(before[a], before[b]), distance(after[a], after[b]), 1e-4),
					`${a} ${b}`,
				);
		}
	},
);

holds(
	"a free drag puts the joint where it was asked to be, and nothing else moves",
	[points, joint, point],
	(before, moved, target) => {
		const after = dragJoint(before, moved, target, true);
		for (const [at, place] of after.entries())
			assert.deepEqual(place, at === moved && before[at] ? target : before[at]);
	},
);

holds("mirrored twice is as before", [somebody], (some) => {
	const twice = mirrored(mirrored(personOf(some)));
	for (const [at, place] of twice.points.entries()) {
		assert.equal(place === null, some[at] === null);
		if (place) assert.ok(close(place[0], some[at][0]) && close(place[1], some[at][1]));
	}
});

holds(
	"no tool makes a number that is none",
	[points, joint, fc.constantFrom("left", "right")],
	(some, at, side) => {
		for (const made of [
			copiedSide(some, side),
			straightened(some),
			upright(some),
			restored(some, at, CANVAS),
		])
			assert.ok(finite(made));
		assert.ok(restored(some, at, CANVAS)[at]);
		assert.ok(Array.isArray(problems(some, CANVAS)));
	},
);

holds("upright means plumb", [whole], (some) => {
	const made = upright(some);
	const hips = [(made[8][0] + made[11][0]) / 2, (made[8][1] + made[11][1]) / 2];
	assert.ok(close(Math.abs(direction(made[1], hips)), Math.PI / 2, 1e-4));
});

holds(
	"a way between poses starts and ends at them",
	[whole, whole, fc.constantFrom(...Object.keys(EASINGS)), fc.integer({ min: 1, max: 50 })],
	(a, b, easing, frames) => {
		const people = [[personOf(a)], [personOf(b)]];
		const steps = [
			{ duration: frames, easing },
			{ duration: 1, easing: "linear" },
		];
		assert.equal(frameCount(steps, false), frames + 1);
		assert.deepEqual(frameAt(people, steps, 0)[0].points, a);
		assert.deepEqual(frameAt(people, steps, frames)[0].points, b);
		for (let number = 0; number <= frames; number += 1)
			assert.ok(finite(frameAt(people, steps, number)[0].points));
	},
);

holds("half the way is half as long for limbs of any two poses", [whole, whole], (a, b) => {
	const [{ points: half }] = between([personOf(a)], [personOf(b)], 0.5);
	for (const [end, middle, root] of TWO_BONES) {
		const mean = (distance(a[root], a[middle]) + distance(b[root], b[middle])) / 2;
		assert.ok(close(distance(half[root], half[middle]), mean, 1e-4));
		const lower = (distance(a[middle], a[end]) + distance(b[middle], b[end])) / 2;
		assert.ok(close(distance(half[middle], half[end]), lower, 1e-4));
	}
});

holds(
	"fitted people lie on the canvas they are fitted to",
	[somebody, fc.integer({ min: 16, max: 4000 }), fc.integer({ min: 16, max: 4000 })],
	(some, width, height) => {
		const inside = some.map((one) => one && [Math.min(one[0], 383), Math.min(one[1], 511)]);
		const [{ points: made }] = fitted([personOf(inside)], CANVAS, { width, height });
		for (const one of made)
			if (one) assert.ok(one[0] >= -1e-6 && one[0] <= width && one[1] >= -1e-6 && one[1] <= height);
	},
);

const part = (count) =>
	fc
		.option(fc.array(fc.option(point), { minLength: count, maxLength: count }), { freq: 2 })
		.map((some) => (some?.some((one) => one) ? some : null));
const person = fc.record({
	points: somebody,
	parts: fc.record({
		handLeft: part(21),
		handRight: part(21),
		face: part(70),
		footLeft: part(3),
		footRight: part(3),
	}),
	rest: fc.constantFrom({}, { id: 7 }),
});

/** Any edit that the editor itself could have made. */
const edit = fc
	.record({
		frames: fc.array(fc.array(person, { maxLength: 3 }), {
			minLength: 1,
			maxLength: 5,
		}),
		frameSteps: fc.array(
			fc.record({
				duration: fc.integer({ min: 1, max: 200 }),
				easing: fc.constantFrom(...Object.keys(EASINGS)),
			}),
			{ minLength: 5, maxLength: 5 },
		),
		loop: fc.boolean(),
		keep: fc.boolean(),
		rate: fc.constantFrom(...RATES),
		upstream: fc.option(fc.string(), { nil: null }),
		library: fc.array(
			fc.record({ name: fc.string({ minLength: 1, maxLength: 60 }), points: somebody }),
			{ maxLength: 3 },
		),
		width: fc.integer({ min: 600, max: 8192 }),
		height: fc.integer({ min: 600, max: 8192 }),
	})
	.map(({ frames, frameSteps, width, height, ...rest }) => ({
		...rest,
		frames,
		steps: frameSteps.slice(0, frames.length),
		canvas: { width, height },
		foreign: false,
	}));

const rounded = (value) =>
	JSON.parse(JSON.stringify(value), (_, one) =>
		typeof one === "number" ? Math.round(one * 100) / 100 : one,
	);

holds("what is written is read as it was", [edit], (made) => {
	const read = readValue(writeValue(made), CANVAS);
	assert.deepEqual(rounded(read), rounded(made));
	assert.equal(writeValue(read), writeValue(made));
});

const json = fc.jsonValue({ maxDepth: 5 });
const almost = fc.record(
	{
		version: fc.oneof(fc.integer({ min: -1, max: 4 }), json),
		canvas_width: fc.oneof(fc.integer({ min: -1, max: 40000 }), json),
		canvas_height: fc.oneof(fc.integer({ min: -1, max: 40000 }), json),
		frames: fc.oneof(
			fc.array(fc.record({ people: json, steps: json, easing: json }, { requiredKeys: [] })),
			json,
		),
		people: fc.array(
			fc.record(
				{
					pose_keypoints_2d: fc.oneof(
						fc.array(fc.oneof(fc.double(), fc.constant(null)), { maxLength: 80 }),
						json,
					),
					face_keypoints_2d: json,
					hand_left_keypoints_2d: json,
					foot_keypoints_2d: json,
				},
				{ requiredKeys: [] },
			),
		),
		loop: json,
		upstream: json,
		keep_edit: json,
		library: json,
	},
	{ requiredKeys: [] },
);

holds(
	"a text is read, or refused in words",
	[
		fc.oneof(
			fc.string(),
			json.map((v) => JSON.stringify(v)),
			almost.map((v) => JSON.stringify(v)),
		),
	],
	(text) => {
		let read;
		try {
			read = readValue(text, CANVAS);
		} catch (error) {
			assert.ok(error instanceof PoseTextError, String(error?.stack));
			assert.ok(error.message.length > 3 && error.message.length < 400);
			return;
		}
		if (!read) return;
		const again = readValue(writeValue(read), CANVAS);
		assert.equal(again?.frames.length ?? 0, read.frames.length);
	},
);

holds(
	"every list of numbers is a pose or is refused",
	[fc.array(fc.oneof(fc.double(), fc.integer(), fc.constant(null)), { maxLength: 80 })],
	(values) => {
		try {
			const { frames } = readOpenPose({ people: [{ pose_keypoints_2d: values }] }, CANVAS);
			for (const person of frames.flat()) assert.ok(finite(person.points));
		} catch (error) {
			assert.ok(error instanceof PoseTextError, String(error?.stack));
		}
	},
);
