/** A person: 18 joints, and the hands and the face that go along with them. */

import { MIRRORED } from "./anatomy.js";
import { partFrames, present, trunkFrame } from "./frames.js";
import { boxOf, seen } from "./geometry.js";

/** @type {Parts} */
export const NO_PARTS = { handLeft: null, handRight: null, face: null };

/** @type {(points: Points) => Person} */
export const personOf = (points) => ({ points, parts: NO_PARTS, rest: {} });

/** The parts a person has, each made anew.
 * @type {(parts: Parts, change: (part: Points, name: keyof Parts) => Points | null) => Parts} */
export const eachPart = ({ handLeft, handRight, face }, change) => ({
	handLeft: handLeft && change(handLeft, "handLeft"),
	handRight: handRight && change(handRight, "handRight"),
	face: face && change(face, "face"),
});

/** The points of hands and face that are there. @param {Parts} parts */
export const detailsOf = ({ handLeft, handRight, face }) =>
	[handLeft, handRight, face].flatMap((part) => seen(part ?? []));

/** Every point of a person shifted, scaled, turned or left out alike.
 * @type {(person: Person, change: (point: Point) => Point | null) => Person} */
export function mapped(person, change) {
	/** @type {(points: Points) => Points} */
	const all = (points) => points.map((point) => point && change(point));
	return { ...person, points: all(person.points), parts: eachPart(person.parts, all) };
}

/**
 * The person with other joints: hands go along with their wrists, the face with the head. A hand whose wrist is hidden goes.
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
		return from && to && part.map((point) => point && to.outside(from.inside(point)));
	});
	return { ...person, points, parts };
}

/** Index of each face point's mirror image: 68 outline points and two pupils, in runs up or down. */
// biome-ignore format: a table
export const MIRRORED_FACE = [
	[16, 0], [26, 17], [27, 30], [35, 31], [45, 42], [47, 46], [39, 36], [41, 40], [54, 48], [59, 55], [64, 60], [67, 65], [69, 68],
].flatMap(([first, last]) => Array.from({ length: Math.abs(last - first) + 1 }, (_, by) => first + Math.sign(last - first) * by));

/** Seen in a mirror, in place: x about the middle of the box, and left and right change names. @param {Person} person */
export function mirrored(person) {
	const there = seen(person.points);
	if (!there.length) return person;
	const { left, right } = boxOf(there);
	const flipped = mapped(person, ([x, y]) => [left + right - x, y]);
	const { handLeft, handRight, face } = flipped.parts;
	return {
		...flipped,
		points: MIRRORED.map((joint) => flipped.points[joint]),
		parts: {
			handLeft: handRight,
			handRight: handLeft,
			face: face && MIRRORED_FACE.map((index) => face[index]),
		},
	};
}
