/**
 * Moving joints of one person. Points are [x, y] in pixels of the canvas, or null where a joint is missing. Nothing here
 * changes its arguments or touches the page.
 */

import { HIPS, MIRRORED, NECK, NOSE, PARENT, TWO_BONES, hangingOn, standing } from "./anatomy.js";

/** @typedef {([number, number] | null)[]} Points 18 of them */

const length = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/**
 * Bring a joint to a place, as far as the body allows.
 *
 * Wrists and ankles bend their limb (two-bone inverse kinematics, the elbow or knee keeps its side); elbows, knees and
 * shoulders turn about the joint they hang on and carry along what hangs on them; a hip turns the trunk about the neck; the
 * nose turns the head; the neck carries everybody. All lengths stay as they are.
 *
 * @param {Points} points @param {number} joint @param {[number, number]} target
 * @param {boolean} [free] only this joint moves, and lengths change (foreshortening)
 * @returns {Points}
 */
export function dragJoint(points, joint, target, free = false) {
  const here = points[joint];
  if (!here) return points;
  if (free) return replaced(points, joint, target);
  if (joint === NECK) return moved(points, target[0] - here[0], target[1] - here[1]);
  const limb = TWO_BONES.find(([end]) => end === joint);
  if (limb) {
    const [, middle, root] = limb;
    if (points[middle] && points[root]) return bend(points, joint, middle, root, target);
  }
  if (HIPS.includes(joint) && points[NECK]) return turnTrunk(points, joint, target);
  const parent = PARENT[joint];
  const centre = points[parent];
  if (!centre) return replaced(points, joint, target);
  if (joint === NOSE) return turned(points, [joint, ...hangingOn(joint)], centre, angleBetween(centre, here, target));
  const there = onCircle(centre, length(centre, here), target, here);
  const result = replaced(points, joint, there);
  for (const other of hangingOn(joint)) {
    const point = points[other];
    if (point) result[other] = [point[0] + there[0] - here[0], point[1] + there[1] - here[1]];
  }
  return result;
}

/** Everybody's points shifted. @param {Points} points @param {number} dx @param {number} dy @returns {Points} */
export function moved(points, dx, dy) {
  return points.map((point) => point && [point[0] + dx, point[1] + dy]);
}

/**
 * Turned and scaled about a centre.
 * @param {Points} points @param {[number, number]} centre @param {number} angle radians @param {number} scale
 * @returns {Points}
 */
export function turnedAndScaled(points, centre, angle, scale) {
  const cos = Math.cos(angle) * scale;
  const sin = Math.sin(angle) * scale;
  return points.map((point) => {
    if (!point) return null;
    const [x, y] = [point[0] - centre[0], point[1] - centre[1]];
    return [centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y];
  });
}

/** Seen in a mirror, in place: x about the middle of the box, and left and right change names. @param {Points} points */
export function mirrored(points) {
  const there = points.filter((point) => point !== null);
  if (!there.length) return points;
  const xs = there.map((point) => point[0]);
  const twice = Math.min(...xs) + Math.max(...xs);
  return MIRRORED.map((joint) => {
    const point = points[joint];
    return point && [twice - point[0], point[1]];
  });
}

/**
 * Where a missing joint would be: the standing person's limb, in proportion to this one's size, hung on its parent.
 * @param {Points} points @param {number} joint @param {{width: number, height: number}} canvas @returns {Points}
 */
export function restored(points, joint, canvas) {
  const model = standing(canvas.width, canvas.height);
  const scale = sizeOf(points) / sizeOf(model) || 1;
  let parent = PARENT[joint];
  while (parent >= 0 && !points[parent]) parent = PARENT[parent];
  const child = points.findIndex((point, other) => point !== null && PARENT[other] === joint);
  const anchor = parent >= 0 ? parent : child;
  if (anchor < 0) return replaced(points, joint, model[joint]);
  const from = points[anchor];
  return replaced(points, joint, [
    from[0] + (model[joint][0] - model[anchor][0]) * scale,
    from[1] + (model[joint][1] - model[anchor][1]) * scale,
  ]);
}

/** A measure of how large a person is: the mean length of the limbs that are there, against the standing person's. */
function sizeOf(points) {
  const model = standing(1000, 1000);
  let own = 0;
  let standard = 0;
  for (let joint = 0; joint < points.length; joint++) {
    const parent = PARENT[joint];
    if (parent >= 0 && points[joint] && points[parent]) {
      own += length(points[joint], points[parent]);
      standard += length(model[joint], model[parent]);
    }
  }
  return standard ? own / standard : 1;
}

function replaced(points, joint, place) {
  const result = points.slice();
  result[joint] = [place[0], place[1]];
  return result;
}

function angleBetween(centre, from, to) {
  if (length(centre, to) < 1e-9 || length(centre, from) < 1e-9) return 0;
  return Math.atan2(to[1] - centre[1], to[0] - centre[0]) - Math.atan2(from[1] - centre[1], from[0] - centre[0]);
}

function turned(points, joints, centre, angle) {
  const all = turnedAndScaled(points, centre, angle, 1);
  return points.map((point, joint) => (joints.includes(joint) ? all[joint] : point));
}

/** The point of a circle nearest to `target`; where that is the centre itself, `otherwise`. */
function onCircle(centre, radius, target, otherwise) {
  const distance = length(centre, target);
  if (distance < 1e-9) return otherwise;
  const share = radius / distance;
  return [centre[0] + (target[0] - centre[0]) * share, centre[1] + (target[1] - centre[1]) * share];
}

function turnTrunk(points, hip, target) {
  const lower = HIPS.flatMap((joint) => [joint, ...hangingOn(joint)]);
  const angle = angleBetween(points[NECK], points[hip], target);
  const result = turned(points, HIPS, points[NECK], angle);
  for (const root of HIPS) {
    if (!points[root]) continue;
    const [dx, dy] = [result[root][0] - points[root][0], result[root][1] - points[root][1]];
    for (const joint of lower) {
      if (hangingOn(root).includes(joint) && points[joint]) result[joint] = [points[joint][0] + dx, points[joint][1] + dy];
    }
  }
  return result;
}

function bend(points, end, middle, root, target) {
  const [a, b, c] = [points[root], points[middle], points[end]];
  const upper = length(a, b);
  const lower = length(b, c);
  const wanted = length(a, target);
  // straight lines and folded limbs are the ends of what is possible
  const reach = Math.min(Math.max(wanted, Math.abs(upper - lower)), upper + lower);
  const direction = wanted < 1e-9 ? Math.atan2(c[1] - a[1], c[0] - a[0]) : Math.atan2(target[1] - a[1], target[0] - a[0]);
  const side = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0 ? -1 : 1;
  const cosine = reach < 1e-9 || upper < 1e-9 ? 1 : (upper ** 2 + reach ** 2 - lower ** 2) / (2 * upper * reach);
  const opening = Math.acos(Math.min(1, Math.max(-1, cosine)));
  const result = points.slice();
  result[middle] = [a[0] + upper * Math.cos(direction + side * opening), a[1] + upper * Math.sin(direction + side * opening)];
  const far = [a[0] + reach * Math.cos(direction), a[1] + reach * Math.sin(direction)];
  result[end] = onCircle(result[middle], lower, far, far);
  return result;
}
