// Hands and heads, without a page: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { standing } from "../../web/skeleton/anatomy.js";
import { distance } from "../../web/skeleton/geometry.js";
import {
	fingerPulled,
	PRESETS,
	shapedHand,
	shapeOf,
	withFinger,
} from "../../web/skeleton/hand.mjs";
import { faceOn, headFit, headTurned } from "../../web/skeleton/head.mjs";
import { MIRRORED_FACE, mirrored, personOf } from "../../web/skeleton/person.js";

const person = (parts = {}) => {
	const one = personOf(standing(384, 512));
	return { ...one, parts: { ...one.parts, ...parts } };
};
const NAMES = ["handLeft", "handRight"];

test("presets are told apart again, from the palm and from the back, on either hand", () => {
	for (const name of NAMES) {
		for (const [preset, curls] of Object.entries(PRESETS)) {
			for (const roll of [0, 35, 150]) {
				const hand = shapedHand(person(), name, { curls, roll });
				assert.equal(hand.length, 21);
				const shape = shapeOf(person({ [name]: hand }), name);
				shape.curls.slice(1).forEach((curl, finger) => {
					const far = Math.abs(curl - curls[finger + 1]);
					assert.ok(far <= 0.11, `${preset} ${name} ${roll}: ${finger} ${curl}`);
				});
			}
		}
	}
});

test("hands hang on their wrists, as long as forearms let expect, and mirror each other", () => {
	const hands = NAMES.map((name) => shapedHand(person(), name, { curls: PRESETS.open, roll: 0 }));
	const { points } = person();
	assert.deepEqual(hands[0][0], points[7]);
	assert.deepEqual(hands[1][0], points[4]);
	const forearm = distance(points[6], points[7]);
	const length = distance(hands[0][0], hands[0][12]);
	assert.ok(length > 0.65 * forearm && length < 0.8 * forearm, length / forearm);
	const both = person({ handLeft: hands[0], handRight: hands[1] });
	const { handLeft } = mirrored(both).parts;
	handLeft.forEach((point, index) => {
		assert.ok(distance(point, hands[0][index]) < 1e-6);
	});
});

test("a curled finger leaves the others and its root where they are", () => {
	const shape = { curls: PRESETS.open, roll: 20 };
	const open = shapedHand(person(), "handRight", shape);
	const curls = shape.curls.with(2, 1);
	const made = withFinger(person({ handRight: open }), "handRight", { ...shape, curls }, 2);
	open.forEach((point, index) => {
		const moved = distance(point, made[index]);
		if (index >= 10 && index <= 12) assert.ok(moved > 3);
		else assert.ok(moved < 1e-9, `${index} moved by ${moved}`);
	});
});

test("a pulled finger keeps its lengths; alone, one point moves", () => {
	const hand = shapedHand(person(), "handLeft", { curls: PRESETS.open, roll: 0 });
	const target = [hand[6][0] + 9, hand[6][1] - 4];
	const pulled = fingerPulled(hand, 6, target, false);
	for (const end of [6, 7, 8]) {
		const [before, after] = [hand, pulled].map((points) => distance(points[end - 1], points[end]));
		assert.ok(Math.abs(before - after) < 1e-9);
	}
	assert.deepEqual(pulled.slice(9), hand.slice(9));
	const alone = fingerPulled(hand, 6, target, true);
	assert.deepEqual(alone.with(6, hand[6]), hand);
});

test("a hand without its wrist cannot be made", () => {
	const hidden = personOf(standing(384, 512).with(4, null));
	assert.equal(shapedHand(hidden, "handRight", { curls: PRESETS.open, roll: 0 }), null);
});

test("a head that looks ahead is seen as such, turns with its face, and turns back", () => {
	const fit = headFit(person());
	assert.deepEqual(fit.look, { yaw: 0, nod: 0 });
	const face = faceOn(fit);
	assert.equal(face.length, 70);
	const start = person({ face });
	const turned = headTurned(start, headFit(start), { yaw: 40, nod: 10 });
	assert.ok(turned.points[0][0] > start.points[0][0] + 5);
	assert.ok(turned.parts.face[30][0] > face[30][0] + 5);
	assert.deepEqual(turned.points.slice(1, 14), start.points.slice(1, 14));
	const seen = headFit(turned);
	assert.deepEqual(seen.look, { yaw: 40, nod: 10 });
	const far = headTurned(start, headFit(start), { yaw: -75, nod: -20 });
	assert.deepEqual(headFit(far).look, { yaw: -75, nod: -20 });
	const back = headTurned(turned, seen, { yaw: 0, nod: 0 });
	back.parts.face.forEach((point, index) => {
		assert.ok(distance(point, face[index]) < 0.1);
	});
});

test("a face lies on eyes, nose and ears, and the same in the mirror", () => {
	const start = person({ face: faceOn(headFit(person())) });
	const { face } = start.parts;
	assert.equal(MIRRORED_FACE.length, face.length);
	assert.ok(distance(face[68], start.points[14]) < 1.5);
	assert.ok(distance(face[69], start.points[15]) < 1.5);
	const other = mirrored(start).parts.face;
	other.forEach((point, index) => {
		assert.ok(distance(point, face[index]) < 1.5);
	});
});

test("a head of which one point is left can be neither turned nor given a face", () => {
	const hidden = standing(384, 512).map((point, joint) => (joint > 13 ? null : point));
	assert.equal(headFit(personOf(hidden)), null);
});
