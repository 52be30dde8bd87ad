// Poses between poses, by the numbers Python gives: `node --test tests/web`.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { standing } from "../../web/skeleton/anatomy.js";
import {
	between,
	EASINGS,
	frameAt,
	frameCount,
	startOf,
} from "../../web/skeleton/interpolation.js";
import { readOpenPose } from "../../web/skeleton/openpose.js";
import { personOf } from "../../web/skeleton/person.js";

const examples = JSON.parse(readFileSync(new URL("./interpolation.json", import.meta.url), "utf8"));

examples.forEach((example, number) => {
	test(`example ${number} is as Python has it`, () => {
		const { frames } = readOpenPose([example.start, example.end], { width: 1, height: 1 });
		const [person] = between(frames[0], frames[1], example.fraction);
		const found = { points: person.points, ...person.parts };
		for (const [name, expected] of Object.entries(example.between)) {
			assert.equal(found[name] === null, expected === null, name);
			(expected ?? []).forEach((wanted, index) => {
				const place = found[name][index];
				assert.equal(place === null, wanted === null, `${name} ${index}`);
				for (const axis of wanted ? [0, 1] : [])
					assert.ok(
						Math.abs(place[axis] - wanted[axis]) < 1e-6,
						`${name} ${index}: ${place} ${wanted}`,
					);
			});
		}
	});
});

test("the examples hold something", () => assert.ok(examples.length > 20));

test("a sequence has its keyframes where the steps say", () => {
	const at = (x) => [personOf(standing(384, 512).map((point) => [point[0] + x, point[1]]))];
	const keyframes = [at(0), at(40), at(10)];
	const steps = [
		{ duration: 4, easing: "linear" },
		{ duration: 2, easing: "hold" },
		{ duration: 5, easing: "linear" },
	];
	assert.equal(frameCount(steps, false), 7);
	assert.equal(frameCount(steps, true), 11);
	assert.deepEqual(
		[0, 1, 2].map((index) => startOf(steps, index)),
		[0, 4, 6],
	);
	for (const [index, frame] of [
		[0, 0],
		[1, 4],
		[2, 6],
	])
		assert.equal(frameAt(keyframes, steps, frame), keyframes[index]);
	assert.ok(
		Math.abs(frameAt(keyframes, steps, 1)[0].points[1][0] - keyframes[0][0].points[1][0] - 10) <
			1e-9,
	);
	assert.deepEqual(frameAt(keyframes, steps, 5)[0].points, keyframes[1][0].points);
	const looped = frameAt(keyframes, steps, 10)[0].points[1][0];
	assert.ok(Math.abs(looped - keyframes[0][0].points[1][0] - 2) < 1e-9);
});

test("easings go from start to end", () => {
	for (const [name, easing] of Object.entries(EASINGS)) {
		assert.equal(easing(0), 0);
		assert.equal(easing(1), name === "hold" ? 0 : 1);
	}
});
