/**
 * A head in space: 70 points of the face and the five joints on it, so that it can be turned. x to
 * the right of the image, y down, z towards the viewer, about the middle of the head at the height
 * of the eyes; 1 is from there to an ear.
 */

import { HEAD } from "./anatomy.js";
import { minus, plus, seen, within } from "./geometry.js";

/** @typedef {{yaw: number, nod: number}} Look degrees: to the right of the image, and down */
/** @typedef {{look: Look, scale: Point, model: Point, middle: Point}} Fit scale: as a complex
 * number, how the model lies in the image; model, middle: points that lie on each other */

export const LIMITS = { yaw: 80, nod: 40 };
const STEPS = [10, 4, 1]; // degrees; the search goes from coarse to fine
const MIN_SEEN = 3; // points that tell how a head is turned
const AHEAD = 1e-7; // a head is taken to look ahead where its points do not tell otherwise

/** How far the face is towards the viewer there. */
const depth = (/** @type {number} */ x) => 0.92 - 0.75 * x * x;
/** @type {(points: number[][], lift?: number) => number[][]} */
const laid = (points, lift = 0) => points.map(([x, y]) => [x, y, depth(x) + lift]);
/** A half with its mirror image after it, in the order of points that run across the face. */
const across = (/** @type {number[][]} */ half) => [
	...half,
	...half.toReversed().map(([x, y]) => [-x, y]),
];

const JAW = Array.from({ length: 17 }, (_, index) => {
	const angle = (index * Math.PI) / 16;
	return [-0.95 * Math.cos(angle), 0.15 + 1.6 * Math.sin(angle), -0.1 + 0.8 * Math.sin(angle)];
});
// biome-ignore-start format: tables
const BROWS = across([
	[-0.82, -0.28],
	[-0.66, -0.38],
	[-0.5, -0.42],
	[-0.34, -0.4],
	[-0.18, -0.34],
]);
const BRIDGE = [
	[0, -0.02, 0.93],
	[0, 0.12, 1],
	[0, 0.26, 1.07],
	[0, 0.4, 1.14],
];
const NOSTRILS = [
	[-0.2, 0.52],
	[-0.1, 0.55],
	[0, 0.57],
	[0.1, 0.55],
	[0.2, 0.52],
];
const RIGHT_EYE = [
	[-0.6, 0],
	[-0.5, -0.08],
	[-0.38, -0.08],
	[-0.28, 0.02],
	[-0.38, 0.07],
	[-0.5, 0.07],
];
const LEFT_EYE = [3, 2, 1, 0, 5, 4].map((index) => [-RIGHT_EYE[index][0], RIGHT_EYE[index][1]]);
const LIPS = [
	[-0.36, 0.95],
	[-0.24, 0.87],
	[-0.1, 0.83],
	[0, 0.85],
	[0.1, 0.83],
	[0.24, 0.87],
	[0.36, 0.95],
	[0.22, 1.06],
	[0.1, 1.1],
	[0, 1.11],
	[-0.1, 1.1],
	[-0.22, 1.06],
	[-0.3, 0.95],
	[-0.1, 0.93],
	[0, 0.94],
	[0.1, 0.93],
	[0.3, 0.95],
	[0.1, 0.98],
	[0, 0.99],
	[-0.1, 0.98],
];
const PUPILS = [
	[-0.44, 0],
	[0.44, 0],
];
// biome-ignore-end format: tables

/** The 70 points of the face. */
const FACE = [
	...JAW,
	...laid(BROWS),
	...BRIDGE,
	...laid(NOSTRILS, 0.08),
	...laid([...RIGHT_EYE, ...LEFT_EYE], -0.06),
	...laid(LIPS, 0.02),
	...laid(PUPILS, -0.06),
];
/** Nose, eyes and ears, in the order of HEAD. */
const JOINTS = [[0, 0.38, 1.12], ...laid(PUPILS, -0.06), [-1, 0.27, -0.1], [1, 0.27, -0.1]];
const MODEL = [...JOINTS, ...FACE];

/** @type {(look: Look) => Point[]} of the joints on the head, then of the face */
function projected({ yaw, nod }) {
	const [turn, tilt] = [yaw, nod].map((degrees) => (degrees * Math.PI) / 180);
	return MODEL.map(([x, y, z]) => {
		const near = z * Math.cos(turn) - x * Math.sin(turn);
		return [x * Math.cos(turn) + z * Math.sin(turn), y * Math.cos(tilt) + near * Math.sin(tilt)];
	});
}

/** @type {(a: Point, b: Point) => Point} */
const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];

/** The points of a head, in the model's order. @param {Person} person @returns {Points} */
const headOf = ({ points, parts }) => [
	...HEAD.map((joint) => points[joint]),
	...(parts.face ?? new Array(FACE.length).fill(null)),
];

/** How the model lies on a head that looks one way, and how badly.
 * @param {Points} head @param {Look} look */
function laidOn(head, look) {
	const model = projected(look);
	const known = head.flatMap((point, index) => (point ? [{ point, on: model[index] }] : []));
	const middleOf = (/** @type {Point[]} */ points) => {
		const [x, y] = points.reduce(plus, [0, 0]);
		return [x / points.length, y / points.length];
	};
	const middle = middleOf(known.map(({ point }) => point));
	const centre = middleOf(known.map(({ on }) => on));
	let [size, scale] = [0, [0, 0]];
	for (const { point, on } of known) {
		const [x, y] = minus(on, centre);
		size += x * x + y * y;
		scale = plus(scale, times([x, -y], minus(point, middle)));
	}
	scale = scale.map((side) => side / (size || 1));
	const far = known.reduce((sum, { point, on }) => {
		const [x, y] = minus(minus(point, middle), times(scale, minus(on, centre)));
		return sum + x * x + y * y;
	}, 0);
	const [a, b] = scale;
	const error = far / known.length / (a * a + b * b || 1);
	return { error, fit: { look, scale, model: centre, middle } };
}

/**
 * How a head is turned and where it is; null where too little of it is there.
 * @param {Person} person @returns {Fit | null}
 */
export function headFit(person) {
	const head = headOf(person);
	const count = seen(head).length;
	if (count < 2) return null;
	const ahead = laidOn(head, { yaw: 0, nod: 0 });
	if (count < MIN_SEEN) return ahead.fit;
	let [best, least] = [ahead.fit, ahead.error];
	const tried = (
		/** @type {number} */ middle,
		/** @type {number} */ most,
		/** @type {number} */ step,
	) => [-step, 0, step].map((by) => within(middle + by, -most, most));
	const most = person.parts.face ? LIMITS.nod : 0; // five joints do not tell a nod
	for (const step of STEPS) {
		for (let before = Number.POSITIVE_INFINITY; least < before; ) {
			before = least;
			const { yaw: here, nod: bent } = best.look;
			for (const yaw of tried(here, LIMITS.yaw, step)) {
				for (const nod of tried(bent, most, step)) {
					const { fit, error } = laidOn(head, { yaw, nod });
					const cost = error + AHEAD * (yaw * yaw + nod * nod);
					if (cost < least) [best, least] = [fit, cost];
				}
			}
		}
	}
	return best;
}

/**
 * The person with the head turned: what is there moves as the model's points move.
 * @param {Person} person @param {Fit} fit of this person @param {Look} look @returns {Person}
 */
export function headTurned(person, { look: before, scale }, look) {
	const [from, to] = [projected(before), projected(look)];
	const head = headOf(person).map(
		(point, index) => point && plus(point, times(scale, minus(to[index], from[index]))),
	);
	const points = person.points.slice();
	HEAD.forEach((joint, index) => {
		points[joint] = head[index];
	});
	const face = person.parts.face && head.slice(HEAD.length);
	return { ...person, points, parts: { ...person.parts, face } };
}

/** A face on a head that has none. @param {Fit} fit @returns {Points} */
export const faceOn = ({ look, scale, model, middle }) =>
	projected(look)
		.slice(HEAD.length)
		.map((point) => plus(middle, times(scale, minus(point, model))));
