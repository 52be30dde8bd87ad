/** The parts of a body that others go along with: trunk, head, and the wrists. The same as in dptn_core/pose/interpolation.py. */

import { HIPS, NECK, NOSE, TWO_BONES } from "./anatomy.js";
import { at, direction, distance, Frame, mean, NO_LENGTH } from "./geometry.js";

const DOWN = Math.PI / 2;
const [RIGHT_ARM, LEFT_ARM] = TWO_BONES;

/** Numbers of the joints that are there. @param {Points} points */
export const present = (points) => points.flatMap((point, joint) => (point ? [joint] : []));

/** @param {Points} points */
export const hipsOf = (points) => HIPS.flatMap((joint) => (points[joint] ? [points[joint]] : []));

/** From one point to another; where that is no way at all, or starts nowhere, as `otherwise` says.
 * @type {(from: Point | null, to: Point, otherwise: number) => number} */
const pointing = (from, to, otherwise) =>
	from && distance(from, to) > NO_LENGTH ? direction(from, to) : otherwise;

/**
 * At the hips, pointing away from the neck; at the neck, pointing downward, where there are no hips.
 * @param {Points} points @param {number[]} known the joints to go by, at least one
 */
export function trunkFrame(points, known) {
	if (!known.includes(NECK)) return new Frame(mean(known.map((joint) => at(points, joint))), DOWN);
	const neck = at(points, NECK);
	const hips = HIPS.filter((joint) => known.includes(joint)).map((joint) => at(points, joint));
	return hips.length
		? new Frame(mean(hips), pointing(neck, mean(hips), DOWN))
		: new Frame(neck, DOWN);
}

/** At the nose, pointing away from the neck. @param {Points} points @param {number[]} known @param {Frame} trunk */
export function headFrame(points, known, trunk) {
	if (!known.includes(NOSE)) return trunk;
	return new Frame(
		at(points, NOSE),
		pointing(known.includes(NECK) ? points[NECK] : null, at(points, NOSE), trunk.angle),
	);
}

/**
 * What each part of a person goes along with: the face with the head; hands with the wrists, which point away from the elbows.
 * @param {Points} points @param {number[]} known @param {Frame} trunk
 */
export function partFrames(points, known, trunk) {
	const [handLeft, handRight] = [LEFT_ARM, RIGHT_ARM].map(([wrist, elbow]) => {
		const hand = points[wrist];
		return hand && new Frame(hand, pointing(points[elbow], hand, trunk.angle));
	});
	return { handLeft, handRight, face: headFrame(points, known, trunk) };
}
