/** The parts of a body that others go along with: trunk, head, and the wrists. The same as in dptn_core/pose/interpolation.py. */

import { HIPS, NECK, NOSE, TWO_BONES } from "./anatomy.js";
import { Frame, NO_LENGTH, direction, distance, mean } from "./geometry.js";

/** @import { Point } from "./geometry.js" */
/** @import { Points } from "./pose.js" */

const DOWN = Math.PI / 2;
const [RIGHT_ARM, LEFT_ARM] = TWO_BONES;

/** @param {Points} points @param {number} joint @returns {Point} a joint that is known to be there */
export const at = (points, joint) => points[joint];

/**
 * At the neck, pointing to the hips; downward where there are none.
 * @param {Points} points @param {number[]} known the joints to go by, at least one
 */
export function trunkFrame(points, known) {
  if (!known.includes(NECK)) return new Frame(mean(known.map((joint) => at(points, joint))), DOWN);
  const neck = at(points, NECK);
  const hips = HIPS.filter((joint) => known.includes(joint)).map((joint) => at(points, joint));
  if (!hips.length) return new Frame(neck, DOWN);
  const middle = mean(hips);
  return new Frame(neck, distance(neck, middle) > NO_LENGTH ? direction(neck, middle) : DOWN);
}

/** At the nose, pointing away from the neck. @param {Points} points @param {number[]} known @param {Frame} trunk */
export function headFrame(points, known, trunk) {
  if (!known.includes(NOSE)) return trunk;
  const nose = at(points, NOSE);
  const neck = known.includes(NECK) ? points[NECK] : null;
  return new Frame(nose, neck && distance(neck, nose) > NO_LENGTH ? direction(neck, nose) : trunk.angle);
}

/**
 * At the wrist, pointing away from the elbow; null without a wrist.
 * @param {Points} points @param {"left" | "right"} side @param {Frame} trunk
 */
export function wristFrame(points, side, trunk) {
  const [wrist, elbow] = side === "left" ? LEFT_ARM : RIGHT_ARM;
  const [end, middle] = [points[wrist], points[elbow]];
  if (!end) return null;
  return new Frame(end, middle && distance(middle, end) > NO_LENGTH ? direction(middle, end) : trunk.angle);
}

/** Numbers of the joints that are there. @param {Points} points */
export const present = (points) => points.flatMap((point, joint) => (point ? [joint] : []));
