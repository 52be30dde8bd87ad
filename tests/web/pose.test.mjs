// Pulling joints and limb lengths, without a page: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
	hangingOn,
	JOINTS,
	LIMBS,
	MIRRORED,
	PARENT,
	standing,
} from "../../web/skeleton/anatomy.js";
import { present, trunkFrame } from "../../web/skeleton/frames.js";
import { mirrored, personOf } from "../../web/skeleton/person.js";
import {
	copiedSide,
	dragBoth,
	dragJoint,
	problems,
	restored,
	straightened,
	upright,
} from "../../web/skeleton/pose.js";

const CANVAS = { width: 384, height: 512 };
const PERSON = standing(384, 512);

function random(seed) {
	let state = seed;
	return () => {
		state = (state * 1103515245 + 12345) % 2147483648;
		return state / 2147483648;
	};
}

const lengths = (points) =>
	LIMBS.filter(([a, b]) => points[a] && points[b]).map(([a, b]) =>
		Math.hypot(points[a][0] - points[b][0], points[a][1] - points[b][1]),
	);

function assertClose(a, b, tolerance = 1e-6) {
	assert.equal(a.length, b.length);
	for (const [index, value] of a.entries())
		assert.ok(Math.abs(value - b[index]) < tolerance, `${index}: ${value} and ${b[index]}`);
}

for (let joint = 0; joint < 18; joint++) {
	test(`dragging the ${JOINTS[joint]} anywhere keeps every limb's length`, () => {
		const next = random(joint + 1);
		let points = PERSON;
		for (let step = 0; step < 60; step++) {
			points = dragJoint(points, joint, [next() * 900 - 250, next() * 1200 - 300]);
			assertClose(lengths(points), lengths(PERSON));
		}
	});
}

test("a hand within reach arrives where it is pulled, and the shoulder stays", () => {
	const target = [PERSON[2][0] - 30, PERSON[2][1] + 60];
	const points = dragJoint(PERSON, 4, target);
	assertClose(points[4], target);
	assert.deepEqual(points[2], PERSON[2]);
});

test("the elbow keeps its side of the arm", () => {
	const side = (points) => {
		const [a, b, c] = [points[2], points[3], points[4]];
		return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
	};
	const bent = dragJoint(PERSON, 4, [PERSON[2][0] - 60, PERSON[2][1] + 40]);
	const next = random(7);
	let points = bent;
	for (let step = 0; step < 40; step++) {
		points = dragJoint(points, 4, [
			PERSON[2][0] + (next() - 0.5) * 90,
			PERSON[2][1] + (next() - 0.5) * 90,
		]);
		assert.equal(side(points), side(bent));
	}
});

test("a free drag moves one joint alone", () => {
	const points = dragJoint(PERSON, 3, [1, 2], true);
	assert.deepEqual(points[3], [1, 2]);
	for (const [joint, point] of points.entries())
		if (joint !== 3) assert.deepEqual(point, PERSON[joint]);
});

test("the neck takes the trunk along, and the feet stay planted", () => {
	const target = [PERSON[1][0] + 30, PERSON[1][1] + 25];
	const points = dragJoint(PERSON, 1, target);
	assertClose(points[1], target);
	assertClose(points[10], PERSON[10], 0.01);
	assertClose(points[13], PERSON[13], 0.01);
	assert.ok(points[8][1] > PERSON[8][1]); // towed down
	assertClose(lengths(points), lengths(PERSON));
});

test("the neck lifted out of the legs' reach takes the feet along", () => {
	const points = dragJoint(PERSON, 1, [PERSON[1][0], PERSON[1][1] - 100]);
	assert.ok(points[10][1] < PERSON[10][1] - 50);
	assertClose(lengths(points), lengths(PERSON));
});

test("a hip pulled down makes the person crouch on the same feet", () => {
	const points = dragJoint(PERSON, 8, [PERSON[8][0], PERSON[8][1] + 40]);
	assertClose(points[10], PERSON[10], 0.01);
	assert.ok(points[1][1] > PERSON[1][1] + 20 && points[0][1] > PERSON[0][1] + 20);
});

test("without hips the neck carries everybody", () => {
	const bust = PERSON.map((point, joint) => (joint >= 8 && joint <= 13 ? null : point));
	const points = dragJoint(bust, 1, [PERSON[1][0] + 5, PERSON[1][1] - 9]);
	assertClose(points[4], [PERSON[4][0] + 5, PERSON[4][1] - 9]);
});

test("joints without the ones they hang on can still be dragged", () => {
	for (let joint = 0; joint < 18; joint++) {
		const alone = PERSON.map((point, other) => (other === joint ? point : null));
		assertClose(dragJoint(alone, joint, [10, 20])[joint], [10, 20]);
		assert.equal(dragJoint(alone, joint, [10, 20]).filter((point) => point).length, 1);
	}
});

test("degenerate limbs give numbers", () => {
	const folded = PERSON.map(() => [100, 100]);
	for (let joint = 0; joint < 18; joint++) {
		for (const point of dragJoint(folded, joint, [100, 100]).concat(
			dragJoint(folded, joint, [150, 90]),
		)) {
			assert.ok(point.every(Number.isFinite), JOINTS[joint]);
		}
	}
});

test("a mirror changes names and sides, and twice is nothing", () => {
	const points = dragJoint(PERSON, 4, [40, 90]);
	const flipped = mirrored(personOf(points));
	assertClose(mirrored(flipped).points.flat(), points.flat());
	assert.ok(flipped.points[7][0] > flipped.points[5][0]);
	assert.deepEqual(
		MIRRORED.map((joint) => MIRRORED[joint]),
		PARENT.map((_, joint) => joint),
	);
});

test("a missing joint comes back where anatomy puts it", () => {
	for (let joint = 0; joint < 18; joint++) {
		const hidden = PERSON.map((point, other) => (other === joint ? null : point));
		assertClose(restored(hidden, joint, CANVAS)[joint], PERSON[joint], 0.5);
	}
	assert.ok(restored(new Array(18).fill(null), 3, CANVAS)[3]);
	const lying = PERSON.map(([x, y]) => [y, 400 - x]);
	for (let joint = 0; joint < 18; joint++) {
		if (joint === 1) continue; // without the neck nothing tells how the trunk lies
		const hidden = lying.map((point, other) => (other === joint ? null : point));
		assertClose(restored(hidden, joint, CANVAS)[joint], lying[joint], 0.5);
	}
});

test("what hangs on a joint is what its limb carries", () => {
	assert.deepEqual(hangingOn(2), [3, 4]);
	assert.deepEqual(hangingOn(0), [14, 15, 16, 17]);
	assert.equal(hangingOn(1).length, 17);
});

test("pulled symmetrically, the other side mirrors the move, on a leaning body too", () => {
	const leaning = PERSON.map(([x, y]) => [x + 0.3 * (512 - y), y]);
	for (const joint of [4, 6, 10, 3]) {
		const points = dragBoth(leaning, joint, [leaning[joint][0] - 18, leaning[joint][1] - 31]);
		assertClose(lengths(points), lengths(leaning));
		const trunk = trunkFrame(points, present(points));
		const inside = (other) => trunk.inside(points[other]);
		const before = (other) => trunkFrame(leaning, present(leaning)).inside(leaning[other]);
		const mine = [0, 1].map((axis) => inside(joint)[axis] - before(joint)[axis]);
		const other = [0, 1].map(
			(axis) => inside(MIRRORED[joint])[axis] - before(MIRRORED[joint])[axis],
		);
		// circles about other places
		if ([3, 6].includes(joint)) assertClose([mine[0], -mine[1]], other, 6);
		assert.ok(Math.sign(mine[1]) === -Math.sign(other[1]), JOINTS[joint]);
	}
});

test("a copied side is the mirror image of the other", () => {
	const points = copiedSide(dragJoint(PERSON, 4, [PERSON[2][0] - 60, PERSON[2][1] - 30]), "right");
	const trunk = trunkFrame(points, present(points));
	for (const joint of [2, 3, 4, 8, 9, 10, 14, 16]) {
		const [along, across] = trunk.inside(points[joint]);
		assertClose(trunk.inside(points[MIRRORED[joint]]), [along, -across]);
	}
	const armless = PERSON.map((point, joint) => (joint === 4 ? null : point));
	assert.deepEqual(copiedSide(armless, "right")[7], PERSON[7]);
});

test("straightened limbs are straight, as long as before, and the only ones changed", () => {
	const bent = dragJoint(dragJoint(PERSON, 4, [PERSON[2][0] - 40, PERSON[2][1] + 20]), 13, [
		PERSON[11][0] + 50,
		PERSON[11][1] + 90,
	]);
	const points = straightened(bent);
	assertClose(lengths(points), lengths(bent));
	const whole = Math.hypot(points[4][0] - points[2][0], points[4][1] - points[2][1]);
	assert.ok(Math.abs(whole - lengths(bent)[2] - lengths(bent)[3]) < 1e-6);
	assert.deepEqual(straightened(bent, [3])[13], bent[13]);
	assert.notDeepEqual(straightened(bent, [3])[4], bent[4]);
});

test("set upright, the trunk is plumb and nothing else changes", () => {
	const points = upright(PERSON.map(([x, y]) => [200 + 0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y]));
	const trunk = trunkFrame(points, present(points));
	assert.ok(Math.abs(trunk.angle - Math.PI / 2) < 1e-9);
	assertClose(lengths(points), lengths(PERSON));
});

test("what is wrong with a pose is said, and what is right is not", () => {
	assert.deepEqual(problems(PERSON, CANVAS), []);
	const off = PERSON.map((point, joint) =>
		joint === 4 ? [-3, 20] : joint === 7 ? [384, 100] : point,
	);
	assert.deepEqual(problems(off, CANVAS)[0].joints, [4, 7]);
	const folded = PERSON.map((point, joint) => (joint === 9 ? PERSON[8] : point));
	assert.deepEqual(problems(folded, CANVAS)[0].joints, [9]);
	assert.match(problems(new Array(18).fill(null), CANVAS)[0].text, /no person/);
	assert.match(problems([[5, 5], ...new Array(17).fill(null)], CANVAS)[0].text, /only 1/);
});
