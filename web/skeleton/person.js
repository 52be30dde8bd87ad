/** A person: 18 joints, and the hands, the face and the feet that move with them. */

import { MIRRORED } from "./anatomy.js";
import { partFrames, present, trunkFrame } from "./frames.js";
import { boxOf, scored, scoreOf, seen } from "./geometry.js";

/** @type {Parts} */
export const NO_PARTS = {
	handLeft: null,
	handRight: null,
	face: null,
	footLeft: null,
	footRight: null,
};

/** @type {(points: Points) => Person} */
export const personOf = (points) => ({ points, parts: NO_PARTS, rest: {} });

/** A pose of this person to keep, with hands, face and feet.
 * @type {(name: string, person: {points: Points, parts: Parts}) => KeptPose} */
export const keptPose = (name, { points, parts }) => ({
	name,
	points,
	...(detailsOf(parts).length > 0 && { parts }),
});

/** The parts a person has, each made anew.
 * @type {(parts: Parts, change: (part: Points, name: keyof Parts) => Points | null) => Parts} */
export function eachPart(parts, change) {
	const made = { ...parts };
	for (const name of /** @type {(keyof Parts)[]} */ (Object.keys(parts)))
		made[name] &&= change(made[name], name);
	return made;
}

/** The points of the parts that are present. @param {Parts} parts */
export const detailsOf = (parts) => Object.values(parts).flatMap((part) => seen(part ?? []));

/** Every point of a person shifted, scaled, turned or left out alike; confidences stay.
 * @type {(person: Person, change: (point: Point) => Point | null) => Person} */
export function mapped(person, change) {
	const moved = (/** @type {Point} */ point) => {
		const place = change(point);
		return place && scored(place, scoreOf(point));
	};
	const all = (/** @type {Points} */ points) => points.map((point) => point && moved(point));
	return { ...person, points: all(person.points), parts: eachPart(person.parts, all) };
}

/**
 * The person with other joints: hands move with their wrists, the face with the head, feet with
 * their ankles. A part whose joint is hidden is removed.
 * @type {(person: Person, points: Points) => Person}
 */
export function withPoints(person, points) {
	const known = present(person.points).filter((joint) => points[joint]);
	if (!known.length) return { ...person, points, parts: NO_PARTS };
	const [before, after] = [person.points, points].map((joints) =>
		partFrames(joints, known, trunkFrame(joints, known)),
	);
	const parts = eachPart(person.parts, (part, name) => {
		const [from, to] = [before[name], after[name]];
		if (!from || !to) return null;
		return part.map((point) => point && scored(to.outside(from.inside(point)), scoreOf(point)));
	});
	return { ...person, points, parts };
}

/**
 * Index of each face point's mirror image: 68 outline points and two pupils, in runs up or down.
 */
// biome-ignore format: a table
export const MIRRORED_FACE = [
	[16, 0], [26, 17], [27, 30], [35, 31], [45, 42], [47, 46], [39, 36], [41, 40], [54, 48], [59, 55],
	[64, 60], [67, 65], [69, 68],
].flatMap(([first, last]) => {
	const towards = Math.sign(last - first);
	return Array.from({ length: Math.abs(last - first) + 1 }, (_, by) => first + towards * by);
});

/**
 * Seen in a mirror, in place: x about the middle of the box, and left and right change names.
 * @param {Person} person
 */
export function mirrored(person) {
	const there = seen(person.points);
	if (!there.length) return person;
	const { left, right } = boxOf(there);
	const flipped = mapped(person, ([x, y]) => [left + right - x, y]);
	const { handLeft, handRight, face, footLeft, footRight } = flipped.parts;
	return {
		...flipped,
		points: MIRRORED.map((joint) => flipped.points[joint]),
		parts: {
			handLeft: handRight,
			handRight: handLeft,
			face: face && MIRRORED_FACE.map((index) => face[index]),
			footLeft: footRight,
			footRight: footLeft,
		},
	};
}
