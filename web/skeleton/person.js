/** A person: 18 joints, and the hands and the face that go along with them. */

import { MIRRORED } from "./anatomy.js";
import { headFrame, present, trunkFrame, wristFrame } from "./frames.js";
import { boxOf } from "./geometry.js";

/** @import { Frame, Point } from "./geometry.js" */
/** @import { Points } from "./pose.js" */

/**
 * @typedef {object} Parts each null where the person has none
 * @property {Points | null} handLeft 21 points
 * @property {Points | null} handRight 21 points
 * @property {Points | null} face 70 points
 */
/** @typedef {{points: Points, parts: Parts, rest: Record<string, unknown>}} Person `rest`: what others wrote, kept */

/** @type {Parts} */
export const NO_PARTS = { handLeft: null, handRight: null, face: null };

/** @param {Points} points @returns {Person} */
export const personOf = (points) => ({ points, parts: NO_PARTS, rest: {} });

/** Every point of a person, shifted, scaled or turned alike. @param {Person} person @param {(point: Point) => Point} change */
export function mapped(person, change) {
  const each = (/** @type {Points | null} */ points) => points && points.map((point) => point && change(point));
  const { handLeft, handRight, face } = person.parts;
  return {
    ...person,
    points: person.points.map((point) => point && change(point)),
    parts: { handLeft: each(handLeft), handRight: each(handRight), face: each(face) },
  };
}

/**
 * The person with other joints: hands go along with their wrists, the face with the head. A hand whose wrist is hidden goes.
 * @param {Person} person @param {Points} points @returns {Person}
 */
export function withPoints(person, points) {
  const known = present(person.points).filter((joint) => points[joint]);
  if (!known.length) return { ...person, points, parts: NO_PARTS };
  const [before, after] = [person.points, points];
  const [trunkA, trunkB] = [trunkFrame(before, known), trunkFrame(after, known)];
  /** @param {Points | null} part @param {Frame | null} a @param {Frame | null} b */
  const along = (part, a, b) => (part && a && b ? part.map((point) => point && b.outside(a.inside(point))) : null);
  const { handLeft, handRight, face } = person.parts;
  return {
    ...person,
    points,
    parts: {
      handLeft: along(handLeft, wristFrame(before, "left", trunkA), wristFrame(after, "left", trunkB)),
      handRight: along(handRight, wristFrame(before, "right", trunkA), wristFrame(after, "right", trunkB)),
      face: along(face, headFrame(before, known, trunkA), headFrame(after, known, trunkB)),
    },
  };
}

/** Index of each face point's mirror image: 68 outline points and two pupils. */
export const MIRRORED_FACE = [
  16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 27, 28, 29, 30, 35, 34,
  33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62,
  61, 60, 67, 66, 65, 69, 68,
];

/** Seen in a mirror, in place: x about the middle of the box, and left and right change names. @param {Person} person @returns {Person} */
export function mirrored(person) {
  const there = person.points.filter((point) => point !== null);
  if (!there.length) return person;
  const box = boxOf(there);
  const flipped = mapped(person, ([x, y]) => [box.left + box.right - x, y]);
  const { handLeft, handRight, face } = flipped.parts;
  return {
    ...flipped,
    points: MIRRORED.map((joint) => flipped.points[joint]),
    parts: { handLeft: handRight, handRight: handLeft, face: face && MIRRORED_FACE.map((index) => face[index]) },
  };
}
