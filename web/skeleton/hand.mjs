/**
 * Hands of 21 points: the wrist, then four points of the thumb and of each finger, outward. A hand
 * is shaped in space (x from the wrist to the fingers, y towards the thumb, z out of the palm, in
 * hand lengths) and seen straight from the front.
 */

import { partFrames, present, trunkFrame } from "./frames.js";
import { at, direction, distance, Frame, minus, plus, turnedPoint, within } from "./geometry.js";

/** @typedef {"handLeft" | "handRight"} HandName */
/** @typedef {{curls: number[], roll: number}} Shape curls 0 to 1, of the thumb first; roll in
 * degrees: 0 shows the palm, 180 the back */

export const FINGERS = ["thumb", "index", "middle", "ring", "little"];

/** Curls of the thumb and the fingers. @type {Record<string, number[]>} */
export const PRESETS = {
	open: [0, 0, 0, 0, 0],
	relaxed: [0.25, 0.25, 0.3, 0.35, 0.4],
	point: [0.8, 0, 1, 1, 1],
	peace: [0.9, 0, 0, 1, 1],
	fist: [0.9, 1, 1, 1, 1],
};

// biome-ignore format: a table
const ROOTS = [[0.12, 0.12], [0.47, 0.11], [0.49, 0.02], [0.46, -0.07], [0.41, -0.15]];
// biome-ignore format: a table
const BONES = [
	[0.19, 0.16, 0.13], [0.22, 0.13, 0.11], [0.25, 0.15, 0.11], [0.23, 0.14, 0.11], [0.18, 0.1, 0.1],
];
const SPREAD = [40, 6, 0, -5, -12]; // degrees towards the thumb
const BEND = [90, 100, 70]; // degrees of a finger's joints when it is curled up
const THUMB = { in: 55, bend: [0, 35, 80], lift: 0.12 }; // degrees; hand lengths a bone
const [WRIST, KNUCKLE] = [0, 9]; // points that tell a hand's direction: the middle finger's root
const LENGTH = 0.72; // of a hand, in forearms
const CURLS = Array.from({ length: 21 }, (_, step) => step / 20);

const radians = (/** @type {number} */ degrees) => (degrees * Math.PI) / 180;

/** The four points of a finger in space. @param {number} finger @param {number} curl */
function fingerInSpace(finger, curl) {
	let [x, y, z, bend] = [...ROOTS[finger], 0, 0];
	const points = [[x, y, z]];
	BONES[finger].forEach((length, bone) => {
		bend += radians(curl * BEND[bone]);
		const thumb = finger === 0;
		const across = thumb
			? radians(SPREAD[0] - curl * (THUMB.in + THUMB.bend[bone]))
			: radians(SPREAD[finger]);
		const ahead = thumb ? length : length * Math.cos(bend);
		x += ahead * Math.cos(across);
		y += ahead * Math.sin(across);
		z += thumb ? THUMB.lift * curl * length : length * Math.sin(bend);
		points.push([x, y, z]);
	});
	return points;
}

/** As it is seen, in hand lengths along and across the hand.
 * @type {(point: number[], roll: number, name: HandName) => Point} */
const seenFrom = ([x, y, z], roll, name) => {
	const across = y * Math.cos(radians(roll)) - z * Math.sin(radians(roll));
	return [x, name === "handRight" ? across : -across];
};

/**
 * Where a hand is, which way it points and how long it is; null where there is no wrist.
 * @param {Person} person @param {HandName} name
 */
export function handFrame({ points, parts }, name) {
	const part = parts[name];
	const [wrist, knuckle] = [part?.[WRIST], part?.[KNUCKLE]];
	if (wrist && knuckle && distance(wrist, knuckle) > 0) {
		const length = distance(wrist, knuckle) / ROOTS[2][0];
		return { frame: new Frame(wrist, direction(wrist, knuckle)), length };
	}
	const known = present(points);
	const elbow = points[name === "handRight" ? 3 : 6];
	const frame = known.length ? partFrames(points, known, trunkFrame(points, known))[name] : null;
	if (!frame) return null;
	const length = elbow ? LENGTH * distance(elbow, frame.origin) : 0;
	return { frame, length: length || 1 };
}

/**
 * A hand made anew.
 * @param {Person} person @param {HandName} name @param {Shape} shape @returns {Points | null} null
 * where the person has no wrist
 */
export function shapedHand(person, name, { curls, roll }) {
	const held = handFrame(person, name);
	if (!held) return null;
	const place = (/** @type {number[]} */ point) => {
		const [along, across] = seenFrom(point, roll, name);
		return held.frame.outside([along * held.length, across * held.length]);
	};
	return [
		held.frame.origin,
		...curls.flatMap((curl, finger) => fingerInSpace(finger, curl).map(place)),
	];
}

/**
 * A hand with one finger curled otherwise, its root and the rest of the hand as they are.
 * @param {Person} person @param {HandName} name @param {Shape} shape @param {number} finger
 */
export function withFinger(person, name, shape, finger) {
	const made = shapedHand(person, name, shape);
	const hand = person.parts[name];
	if (!hand || !made) return made;
	const root = 1 + 4 * finger;
	const shift = hand[root] ? minus(at(hand, root), at(made, root)) : [0, 0];
	return hand.map((point, index) =>
		index >= root && index < root + 4 ? plus(at(made, index), shift) : point,
	);
}

/**
 * How a hand is shaped, as far as its points tell.
 * @param {Person} person @param {HandName} name @returns {Shape}
 */
export function shapeOf(person, name) {
	const hand = person.parts[name];
	const held = handFrame(person, name);
	if (!hand || !held) return { curls: PRESETS.relaxed, roll: 0 };
	const seenAt = hand.map((point) => point && held.frame.inside(point));
	const [index, little] = [seenAt[5], seenAt[17]];
	const sign = name === "handRight" ? 1 : -1;
	const width = index && little ? (sign * (index[1] - little[1])) / held.length : 0;
	const roll = (Math.acos(within(width / (ROOTS[1][1] - ROOTS[4][1]), -1, 1)) * 180) / Math.PI;
	const fits = [roll, -roll].map((tried) => fitted(seenAt, held.length, tried, name));
	return fits[0].error <= fits[1].error ? fits[0].shape : fits[1].shape;
}

/** The curls nearest to what is seen, and how far they are from it.
 * @param {Points} seenAt along and across the hand @param {number} length @param {number} roll
 * @param {HandName} name */
function fitted(seenAt, length, roll, name) {
	let error = 0;
	const curls = FINGERS.map((_, finger) => {
		const own = seenAt.slice(1 + 4 * finger, 5 + 4 * finger);
		const tried = CURLS.map((curl) => {
			const model = fingerInSpace(finger, curl).map((point) => seenFrom(point, roll, name));
			const far = own.map((point, bone) =>
				point && own[0]
					? distance(
							minus(point, own[0]),
							minus(model[bone], model[0]).map((side) => side * length),
						)
					: 0,
			);
			return { curl, far: far.reduce((sum, one) => sum + one, 0) };
		});
		const best = tried.reduce((a, b) => (b.far < a.far ? b : a));
		error += best.far;
		return best.curl;
	});
	return { error, shape: { curls, roll } };
}

/**
 * A point of a finger brought towards a place: its bone turns about the point before and keeps its
 * length, the points after it come along. Where `free`, it alone moves.
 * @param {Points} hand @param {number} index not the wrist @param {Point} target
 * @param {boolean} free
 */
export function fingerPulled(hand, index, target, free) {
	const before = hand[index % 4 === 1 ? WRIST : index - 1];
	const here = at(hand, index);
	if (free || !before || distance(before, here) === 0)
		return hand.map((point, other) => (other === index ? target : point));
	const angle = direction(before, target) - direction(before, here);
	const last = index + ((4 - (index % 4)) % 4);
	return hand.map((point, other) =>
		point && other >= index && other <= last ? turnedPoint(point, before, angle) : point,
	);
}
