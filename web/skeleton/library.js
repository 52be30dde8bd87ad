/** Named poses, drawn by angles, and how somebody takes one: with limbs of their own length, on the ground they stand on. */

import { HEAD, HIPS, MIRRORED, NECK, PARENT, STANDING, TWO_BONES, standing } from "./anatomy.js";
import { at, present } from "./frames.js";
import { boxOf, distance, mean, turnedPoint } from "./geometry.js";

/** @import { Point } from "./geometry.js" */
/** @import { Points } from "./pose.js" */

/**
 * @typedef {number[]} Limb angles of the upper and the lower half in degrees from hanging straight down, outward (seen from the
 *   side: forward) positive; then how much of each half's length is seen, 1 if left out
 * @typedef {object} Drawing
 * @property {string} name
 * @property {"front" | "turned" | "side" | "back"} [view] turned and side: to the right of the picture
 * @property {number} [lean] of the trunk, degrees to the right of the picture
 * @property {number} [head] the same for the head, on top of the trunk's
 * @property {[Limb, Limb]} arms right and left
 * @property {[Limb, Limb]} legs right and left
 * @property {number} [turn] of the whole body, degrees
 * @property {number} [lift] of the lowest point above the ground, shares of the stature
 */

/** @type {Drawing[]} */
const DRAWINGS = [
  { name: "standing", arms: [[8, 4], [8, 4]], legs: [[2, 1], [2, 1]] },
  { name: "standing, turned", view: "turned", arms: [[9, 2], [7, 4]], legs: [[3, 1], [3, -1]] },
  { name: "standing, from the side", view: "side", arms: [[-4, 8], [-2, 10]], legs: [[2, -2], [-2, -5]] },
  { name: "standing, from behind", view: "back", arms: [[9, 5], [9, 5]], legs: [[3, 1], [3, 1]] },
  { name: "A-pose", arms: [[42, 42], [42, 42]], legs: [[8, 6], [8, 6]] },
  { name: "T-pose", arms: [[90, 90], [90, 90]], legs: [[3, 2], [3, 2]] },
  { name: "arms raised", arms: [[155, 168], [155, 168]], legs: [[5, 3], [5, 3]] },
  { name: "hands on hips", arms: [[45, -48, 1, 0.95], [45, -48, 1, 0.95]], legs: [[7, 5], [7, 5]] },
  { name: "arms crossed", arms: [[14, -98, 1, 1], [14, -104, 1, 1]], legs: [[4, 2], [4, 2]] },
  { name: "hands behind the head", arms: [[118, -104, 0.85, 0.95], [118, -104, 0.85, 0.95]], legs: [[5, 3], [5, 3]] },
  { name: "waving", head: -4, arms: [[98, 172], [9, 5]], legs: [[4, 2], [4, 2]] },
  { name: "pointing", arms: [[8, 4], [88, 90]], legs: [[4, 2], [6, 4]], head: 4 },
  { name: "thinking", arms: [[12, -152, 1, 0.95], [14, -88, 1, 0.9]], legs: [[3, 1], [5, 3]], head: -6 },
  { name: "at ease", lean: -4, head: 5, arms: [[14, 4], [46, -50, 1, 0.95]], legs: [[-3, -2], [16, 7]] },
  { name: "walking towards you", arms: [[12, 10, 1, 0.8], [11, 4]], legs: [[3, 0], [4, 2, 0.95, 0.78]] },
  { name: "walking", view: "side", lean: 2, arms: [[-24, -8], [22, 42]], legs: [[24, 8], [-14, -36]] },
  { name: "running", view: "side", lean: 12, arms: [[-48, 42], [42, 128]], legs: [[68, -12], [-18, -88]], lift: 0.02 },
  { name: "marching", view: "turned", arms: [[12, -4, 0.95, 0.9], [18, 160, 0.9, 0.8]], legs: [[70, -4, 0.75, 0.95], [2, 1]] },
  { name: "sitting, from the front", arms: [[14, -16, 0.95, 0.75], [14, -16, 0.95, 0.75]], legs: [[22, 2, 0.42], [22, 2, 0.42]] },
  { name: "sitting, from the side", view: "side", lean: -3, arms: [[22, 62], [26, 66]], legs: [[86, -4], [82, 4]] },
  { name: "sitting cross-legged", arms: [[26, 16, 1, 0.85], [26, 16, 1, 0.85]], legs: [[74, -98, 0.85, 0.8], [74, -92, 0.85, 0.8]] },
  { name: "sitting on the floor", view: "side", lean: -18, arms: [[-30, -26], [-26, -22]], legs: [[118, 34], [90, 88]] },
  { name: "kneeling", view: "side", arms: [[2, 22], [6, 26]], legs: [[2, -92], [-2, -88]] },
  { name: "on one knee", view: "side", lean: 3, arms: [[18, 70], [-4, 14]], legs: [[88, 0], [-4, -86]] },
  { name: "squatting", lean: 0, arms: [[30, -42, 0.8, 0.8], [30, -42, 0.8, 0.8]], legs: [[58, -12, 0.72], [58, -12, 0.72]] },
  { name: "lunge", lean: -6, arms: [[60, 64], [60, 64]], legs: [[62, 2, 0.9], [36, 38]] },
  { name: "star jump", arms: [[128, 132], [128, 132]], legs: [[30, 32], [30, 32]], lift: 0.08 },
  { name: "leap", arms: [[120, 150], [120, 150]], legs: [[34, -40, 0.9, 0.9], [34, -40, 0.9, 0.9]], lift: 0.12 },
  { name: "arabesque", view: "side", lean: 16, arms: [[98, 100], [-58, -62]], legs: [[0, 0], [-96, -98]] },
  { name: "tree", arms: [[150, -152, 0.95, 0.95], [150, -152, 0.95, 0.95]], legs: [[56, -64, 0.95, 0.9], [1, 0]] },
  { name: "pirouette", head: -4, arms: [[64, -82, 0.9, 0.85], [64, -82, 0.9, 0.85]], legs: [[1, 0], [62, -60, 0.9, 0.9]] },
  { name: "kick", view: "side", lean: -16, arms: [[-30, 40], [40, 110]], legs: [[98, 94], [-6, -2]] },
  { name: "boxing guard", lean: 3, arms: [[16, 172, 0.9, 0.95], [20, 178, 0.9, 0.95]], legs: [[14, 8], [16, 10]] },
  { name: "punch", view: "side", lean: 8, arms: [[88, 90], [30, 142]], legs: [[26, -8], [-26, -32]] },
  { name: "bow", view: "side", lean: 74, head: 10, arms: [[4, 6], [10, 12]], legs: [[-4, -2], [-2, -4]] },
  { name: "carrying", arms: [[12, -28, 1, 0.6], [12, -28, 1, 0.6]], legs: [[4, 2], [4, 2]] },
  { name: "handstand", arms: [[176, 178], [176, 178]], legs: [[4, 2], [4, 2]], turn: 180 },
  { name: "lying on the back", view: "side", arms: [[-6, -2], [4, 6]], legs: [[2, 0], [-1, -2]], turn: -90 },
];

// Half the width of shoulders and hips, and the face, in shares of the stature, as each view shows them.
const VIEWS = {
  front: { shoulder: 0.105, hip: 0.06, forward: 0, face: { nose: 0, eyes: [-0.02, 0.02], ears: [-0.045, 0.045] } },
  turned: { shoulder: 0.085, hip: 0.05, forward: 0, face: { nose: 0.024, eyes: [-0.002, 0.034], ears: [-0.034, null] } },
  side: { shoulder: 0.014, hip: 0.01, forward: 1, face: { nose: 0.046, eyes: [0.028, null], ears: [-0.012, null] } },
  back: { shoulder: -0.105, hip: -0.06, forward: 0, face: { nose: null, eyes: [null, null], ears: [0.045, -0.045] } },
};
const [CROWN_TO_NECK, CROWN_TO_HIPS, CROWN_TO_SHOULDERS] = [STANDING[NECK], STANDING[8], STANDING[2]].map((point) => point[1]);
const [CROWN_TO_NOSE, CROWN_TO_EYES, CROWN_TO_EARS] = [STANDING[0], STANDING[14], STANDING[16]].map((point) => point[1]);
const radians = (/** @type {number} */ degrees) => (degrees * Math.PI) / 180;
const lengthOf = (/** @type {number} */ joint) => distance(at(STANDING, joint), at(STANDING, PARENT[joint]));

/** A drawing as 18 points in shares of the stature, y from 0 at the ground upward negative. @param {Drawing} drawing @returns {Points} */
function drawn(drawing) {
  const view = VIEWS[drawing.view ?? "front"];
  /** @type {Points} */
  const points = new Array(18).fill(null);
  const { nose, eyes, ears } = view.face;
  const rightSide = view.shoulder > 0 ? -1 : 1;
  points[NECK] = [0, CROWN_TO_NECK];
  points[0] = nose === null ? null : [nose, CROWN_TO_NOSE];
  [0, 1].forEach((side) => {
    const [eye, ear, sign] = [eyes[side], ears[side], side === 0 ? -1 : 1];
    points[14 + side] = eye === null ? null : [eye, CROWN_TO_EYES];
    points[16 + side] = ear === null ? null : [ear, CROWN_TO_EARS];
    points[2 + 3 * side] = [sign * view.shoulder, CROWN_TO_SHOULDERS];
    points[8 + 3 * side] = [sign * view.hip, CROWN_TO_HIPS];
  });
  /** @type {Point} */
  const hips = [0, CROWN_TO_HIPS];
  const lean = radians(drawing.lean ?? 0);
  const nod = radians(drawing.head ?? 0);
  for (const joint of HEAD) points[joint] = points[joint] && turnedPoint(at(points, joint), at(points, NECK), nod);
  for (const joint of [NECK, 2, 5, ...HEAD]) points[joint] = points[joint] && turnedPoint(at(points, joint), hips, lean);
  const limbs = [...drawing.arms, ...drawing.legs];
  TWO_BONES.forEach(([end, middle, root], index) => {
    const [upper, lower, upperShare = 1, lowerShare = 1] = limbs[index];
    const outward = view.forward || (index % 2 === 0 ? rightSide : -rightSide);
    points[middle] = hung(at(points, root), upper, lengthOf(middle) * upperShare, outward);
    points[end] = hung(at(points, middle), lower, lengthOf(end) * lowerShare, outward);
  });
  const turned = points.map((point) => point && turnedPoint(point, hips, radians(drawing.turn ?? 0)));
  const ground = boxOf(turned.filter((point) => point !== null)).bottom + (drawing.lift ?? 0);
  return turned.map((point) => point && [point[0], point[1] - ground]);
}

/** @param {Point} from @param {number} degrees @param {number} length @param {number} outward @returns {Point} */
function hung(from, degrees, length, outward) {
  return [from[0] + outward * Math.sin(radians(degrees)) * length, from[1] + Math.cos(radians(degrees)) * length];
}

/** The poses that come along. @type {{name: string, points: Points}[]} in shares of the stature, the ground at 0 */
export const POSES = DRAWINGS.map((drawing) => ({ name: drawing.name, points: drawn(drawing) }));

/**
 * A person in a pose of the library: their own limbs, as long as the pose shows of them, the lowest point on the ground where it
 * was, and the hips above the same place. Arms and legs they hide stay hidden; the head shows what the pose shows.
 * @param {Points} points the person @param {Points} model the pose, any size
 * @param {{width: number, height: number}} canvas for somebody of whom nothing is there @returns {Points}
 */
export function inPose(points, model, canvas) {
  const person = present(points).length > 1 ? points : standing(canvas.width, canvas.height);
  const body = proportions(person);
  const scaleOfModel = proportions(model).stature;
  /** @type {Points} */
  const posed = new Array(18).fill(null);
  posed[NECK] = [0, 0];
  for (const joint of [2, 5, 8, 11, 0, 3, 6, 9, 12, 4, 7, 10, 13, 14, 15, 16, 17]) {
    // in a view from behind the ears hang on the neck, as nothing lies between
    let parent = PARENT[joint];
    while (!posed[parent] && parent >= 0) parent = PARENT[parent];
    if (!model[joint] || parent < 0) continue;
    const [from, to] = [at(model, parent), at(model, joint)];
    const factor = (body.stature / scaleOfModel) * body.shares[joint];
    const start = at(posed, parent);
    posed[joint] = [start[0] + (to[0] - from[0]) * factor, start[1] + (to[1] - from[1]) * factor];
  }
  const kept = posed.map((point, joint) => (HEAD.includes(joint) || person[joint] ? point : null));
  const [before, after] = [standsAt(person), standsAt(kept)];
  const lift = -boxOf(model.filter((point) => point !== null)).bottom * (body.stature / scaleOfModel);
  return kept.map((point) => point && [point[0] + before[0] - after[0], point[1] + before[1] - after[1] - Math.max(lift, 0)]);
}

/** Middle of the hips (or else of everything), and the lowest point. @param {Points} points @returns {Point} */
function standsAt(points) {
  const there = points.filter((point) => point !== null);
  const hips = HIPS.filter((joint) => points[joint]).map((joint) => at(points, joint));
  return [mean(hips.length ? hips : there)[0], boxOf(there).bottom];
}

/**
 * How tall somebody is in pixels, and each limb against that, from what is seen: what is foreshortened is measured on the other
 * side or taken for average.
 * @param {Points} points
 */
function proportions(points) {
  const ratios = PARENT.map((parent, joint) => {
    const [own, hangs] = [points[joint], points[parent]];
    return own && hangs ? distance(own, hangs) / lengthOf(joint) : 0;
  });
  // shoulders, hips and the face shrink when somebody turns: limbs and trunk tell the size
  const telling = [3, 4, 6, 7, 9, 10, 12, 13, 8, 11].map((joint) => ratios[joint]).filter((ratio) => ratio > 0);
  const known = telling.length ? telling : ratios.filter((ratio) => ratio > 0);
  const sorted = known.sort((a, b) => a - b);
  const stature = sorted.length ? sorted[Math.floor(0.75 * (sorted.length - 1))] : 1;
  const shares = ratios.map((ratio, joint) => {
    const seen = Math.max(ratio, ratios[MIRRORED[joint]]);
    return seen > 0 && !HEAD.includes(joint) ? Math.min(1.25, Math.max(0.8, seen / stature)) : 1;
  });
  return { stature, shares };
}
