/** Named poses, drawn by angles, and how somebody takes one: with limbs of their own length, on the ground they stand on. */

import { HEAD, MIRRORED, NECK, PARENT, STANDING, TWO_BONES, above, standing } from "./anatomy.js";
import { hipsOf } from "./frames.js";
import { boxOf, distance, mean, minus, plus, seen, turnedPoint, within } from "./geometry.js";

/** @import { Canvas, Point, Points } from "./geometry.js" */

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
  { name: "arms crossed", arms: [[14, -98], [14, -104]], legs: [[4, 2], [4, 2]] },
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
  { name: "squatting", arms: [[30, -42, 0.8, 0.8], [30, -42, 0.8, 0.8]], legs: [[58, -12, 0.72], [58, -12, 0.72]] },
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

/**
 * Half the width of shoulders and hips, and the face, in shares of the stature, as each view shows them.
 * @type {Record<string, {shoulder: number, hip: number, nose: number | null, eyes: (number | null)[], ears: (number | null)[]}>}
 */
const VIEWS = {
  front: { shoulder: 0.105, hip: 0.06, nose: 0, eyes: [-0.02, 0.02], ears: [-0.045, 0.045] },
  turned: { shoulder: 0.085, hip: 0.05, nose: 0.024, eyes: [-0.002, 0.034], ears: [-0.034, null] },
  side: { shoulder: 0.014, hip: 0.01, nose: 0.046, eyes: [0.028, null], ears: [-0.012, null] },
  back: { shoulder: -0.105, hip: -0.06, nose: null, eyes: [null, null], ears: [0.045, -0.045] },
};
/** @type {Point} */
const HIPS_MIDDLE = [0, STANDING[8][1]];
const radians = (/** @type {number} */ degrees) => (degrees * Math.PI) / 180;
const lengthOf = (/** @type {number} */ joint) => distance(STANDING[joint], STANDING[PARENT[joint]]);

/** A drawing as 18 points in shares of the stature, y from 0 at the ground upward negative. @param {Drawing} drawing @returns {Points} */
function drawn({ view = "front", lean = 0, head = 0, arms, legs, turn = 0, lift = 0 }) {
  const { shoulder, hip, nose, eyes, ears } = VIEWS[view];
  /** @type {Points} */
  const points = new Array(18).fill(null);
  // as far to the side as the view shows it, as high as on somebody who stands
  const put = (/** @type {number} */ joint, /** @type {number | null} */ x) => {
    points[joint] = x === null ? null : [x, STANDING[joint][1]];
  };
  put(NECK, 0);
  put(0, nose);
  for (const side of [0, 1]) {
    const sign = side === 0 ? -1 : 1;
    put(14 + side, eyes[side]);
    put(16 + side, ears[side]);
    put(2 + 3 * side, sign * shoulder);
    put(8 + 3 * side, sign * hip);
  }
  const tilt = (/** @type {number[]} */ joints, /** @type {Point} */ centre, /** @type {number} */ degrees) => {
    for (const joint of joints) points[joint] = points[joint] && turnedPoint(points[joint], centre, radians(degrees));
  };
  tilt(HEAD, points[NECK], head);
  tilt([NECK, 2, 5, ...HEAD], HIPS_MIDDLE, lean);
  const rightSide = shoulder > 0 ? -1 : 1;
  const limbs = [...arms, ...legs];
  TWO_BONES.forEach(([end, middle, root], index) => {
    const [upper, lower, upperShare = 1, lowerShare = 1] = limbs[index];
    const outward = view === "side" ? 1 : index % 2 === 0 ? rightSide : -rightSide;
    points[middle] = hung(points[root], upper, lengthOf(middle) * upperShare, outward);
    points[end] = hung(points[middle], lower, lengthOf(end) * lowerShare, outward);
  });
  tilt([...points.keys()], HIPS_MIDDLE, turn);
  const ground = boxOf(seen(points)).bottom + lift;
  return points.map((point) => point && [point[0], point[1] - ground]);
}

/** @param {Point} from @param {number} degrees @param {number} length @param {number} outward @returns {Point} */
function hung(from, degrees, length, outward) {
  return [from[0] + outward * Math.sin(radians(degrees)) * length, from[1] + Math.cos(radians(degrees)) * length];
}

/** The poses that come along, in shares of the stature, the ground at 0. */
export const POSES = DRAWINGS.map((drawing) => ({ name: drawing.name, points: drawn(drawing) }));

/**
 * A person in a pose of the library: their own limbs, as long as the pose shows of them, the lowest point on the ground where it
 * was, and the hips above the same place. Arms and legs they hide stay hidden; the head shows what the pose shows.
 * @param {Points} points the person @param {Points} model the pose, any size @param {Canvas} canvas if nothing is there of the person
 */
export function inPose(points, model, canvas) {
  const person = seen(points).length > 1 ? points : standing(canvas.width, canvas.height);
  const { stature, shares } = proportions(person);
  const scale = stature / proportions(model).stature;
  /** @type {Points} */
  const posed = new Array(18).fill(null);
  posed[NECK] = [0, 0];
  for (const joint of [2, 5, 8, 11, 0, 3, 6, 9, 12, 4, 7, 10, 13, 14, 15, 16, 17]) {
    // in a view from behind the ears hang on the neck, as nothing lies between
    const parent = above(joint, (up) => posed[up]);
    if (!model[joint] || parent < 0) continue;
    const [x, y] = minus(model[joint], model[parent]);
    posed[joint] = plus(posed[parent], [x * scale * shares[joint], y * scale * shares[joint]]);
  }
  const kept = posed.map((point, joint) => (HEAD.includes(joint) || person[joint] ? point : null));
  const [x, y] = minus(standsAt(person), standsAt(kept));
  const lift = -boxOf(seen(model)).bottom * scale;
  return kept.map((point) => point && plus(point, [x, y - Math.max(lift, 0)]));
}

/** Middle of the hips (or else of everything), and the lowest point. @param {Points} points @returns {Point} */
function standsAt(points) {
  const hips = hipsOf(points);
  return [mean(hips.length ? hips : seen(points))[0], boxOf(seen(points)).bottom];
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
  const known = (/** @type {number[]} */ some) => some.filter((ratio) => ratio > 0).sort((a, b) => a - b);
  // shoulders, hips and the face shrink when somebody turns: limbs and trunk tell the size
  const telling = known([3, 4, 6, 7, 9, 10, 12, 13, 8, 11].map((joint) => ratios[joint]));
  const sorted = telling.length ? telling : known(ratios);
  const stature = sorted[Math.floor(0.75 * (sorted.length - 1))] ?? 1;
  const shares = ratios.map((ratio, joint) => {
    const longest = Math.max(ratio, ratios[MIRRORED[joint]]);
    return longest > 0 && !HEAD.includes(joint) ? within(longest / stature, 0.8, 1.25) : 1;
  });
  return { stature, shares };
}
