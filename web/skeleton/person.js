/** A person: 18 joints, and the hands and the face that go along with them. */

import { MIRRORED } from "./anatomy.js";
import { partFrames, present, trunkFrame } from "./frames.js";
import { boxOf, seen } from "./geometry.js";

/** @import { Point, Points } from "./geometry.js" */

/** @typedef {{handLeft: Points | null, handRight: Points | null, face: Points | null}} Parts 21, 21 and 70 points, if any */
/** @typedef {{points: Points, parts: Parts, rest: Record<string, unknown>}} Person `rest`: what others wrote, kept */

/** @type {Parts} */
export const NO_PARTS = { handLeft: null, handRight: null, face: null };

/** @type {(points: Points) => Person} */
export const personOf = (points) => ({ points, parts: NO_PARTS, rest: {} });

/** The parts a person has, each made anew. @type {(parts: Parts, change: (part: Points, name: keyof Parts) => Points | null) => Parts} */
export const eachPart = ({ handLeft, handRight, face }, change) => ({
  handLeft: handLeft && change(handLeft, "handLeft"),
  handRight: handRight && change(handRight, "handRight"),
  face: face && change(face, "face"),
});

/** Every point of a person shifted, scaled, turned or left out alike. @type {(person: Person, change: (point: Point) => Point | null) => Person} */
export function mapped(person, change) {
  const all = (/** @type {Points} */ points) => points.map((point) => point && change(point));
  return { ...person, points: all(person.points), parts: eachPart(person.parts, all) };
}

/**
 * The person with other joints: hands go along with their wrists, the face with the head. A hand whose wrist is hidden goes.
 * @type {(person: Person, points: Points) => Person}
 */
export function withPoints(person, points) {
  const known = present(person.points).filter((joint) => points[joint]);
  if (!known.length) return { ...person, points, parts: NO_PARTS };
  const [before, after] = [person.points, points].map((joints) => partFrames(joints, known, trunkFrame(joints, known)));
  const parts = eachPart(person.parts, (part, name) => {
    const [from, to] = [before[name], after[name]];
    return from && to && part.map((point) => point && to.outside(from.inside(point)));
  });
  return { ...person, points, parts };
}

/** Index of each face point's mirror image: 68 outline points and two pupils. */
export const MIRRORED_FACE = [
  16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 27, 28, 29, 30, 35, 34,
  33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62,
  61, 60, 67, 66, 65, 69, 68,
];

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
    parts: { handLeft: handRight, handRight: handLeft, face: face && MIRRORED_FACE.map((index) => face[index]) },
  };
}
