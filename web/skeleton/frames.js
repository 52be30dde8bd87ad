/**
 * The parts of a body that others move with: trunk, head, wrists and ankles. See
 * dptn_core/pose/interpolation.py.
 */

import { HIPS, NECK, NOSE, TWO_BONES } from "./anatomy.js";
import { at, direction, distance, Frame, mean, NO_LENGTH, seen } from "./geometry.js";

const DOWN = Math.PI / 2;
const [RIGHT_ARM, LEFT_ARM, RIGHT_LEG, LEFT_LEG] = TWO_BONES;

/** Numbers of the joints that are present. @param {Points} points */
export const present = (points) => points.flatMap((point, joint) => (point ? [joint] : []));

/** @param {Points} points */
export const hipsOf = (points) => seen(HIPS.map((joint) => points[joint]));

/** Direction from one point to another; `otherwise` where there is none.
 * @type {(from: Point | null, to: Point, otherwise: number) => number} */
const pointing = (from, to, otherwise) =>
	from && distance(from, to) > NO_LENGTH ? direction(from, to) : otherwise;

/**
 * At the hips, pointing away from the neck; at the neck, pointing downward, where there are no
 * hips.
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

/**
 * At the nose, pointing away from the neck.
 * @param {Points} points @param {number[]} known @param {Frame} trunk
 */
export function headFrame(points, known, trunk) {
	if (!known.includes(NOSE)) return trunk;
	const [neck, nose] = [known.includes(NECK) ? points[NECK] : null, at(points, NOSE)];
	return new Frame(nose, pointing(neck, nose, trunk.angle));
}

/**
 * What each part of a person moves with: the face with the head, hands with the wrists and feet
 * with the ankles, which point away from the elbows and knees.
 * @param {Points} points @param {number[]} known @param {Frame} trunk
 */
export function partFrames(points, known, trunk) {
	const ends = [LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG];
	const [handLeft, handRight, footLeft, footRight] = ends.map(([end, middle]) => {
		const place = points[end];
		return place && new Frame(place, pointing(points[middle], place, trunk.angle));
	});
	return { handLeft, handRight, footLeft, footRight, face: headFrame(points, known, trunk) };
}
