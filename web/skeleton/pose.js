/**
 * Moving joints of one person. Points are [x, y] in pixels of the canvas, or null where a joint is missing. Nothing here
 * changes its arguments or touches the page.
 */

import { HIPS, JOINTS, MIRRORED, NECK, NOSE, PARENT, TWO_BONES, hangingOn, standing } from "./anatomy.js";
import { at, present, trunkFrame } from "./frames.js";
import { direction, distance, mean, turnedPoint } from "./geometry.js";

/** @import { Point } from "./geometry.js" */

/** @typedef {(Point | null)[]} Points 18 of them */

/**
 * Bring a joint to a place, as far as the body allows.
 *
 * Wrists and ankles bend their limb (two-bone inverse kinematics, the elbow or knee keeps its side); elbows, knees and
 * shoulders turn about the joint they hang on and carry along what hangs on them; the nose turns the head; the neck and the
 * hips pull the trunk, whose other end follows, and feet stay planted as far as the legs reach. All lengths stay as they are.
 *
 * @param {Points} points @param {number} joint @param {Point} target
 * @param {boolean} [free] only this joint moves, and lengths change (foreshortening)
 * @returns {Points}
 */
export function dragJoint(points, joint, target, free = false) {
  const here = points[joint];
  if (!here) return points;
  if (free) return replaced(points, joint, target);
  const limb = TWO_BONES.find(([end]) => end === joint);
  if (limb) {
    const [, middle, root] = limb;
    if (points[middle] && points[root]) return bend(points, joint, middle, root, target);
  }
  const hasTrunk = points[NECK] && HIPS.some((hip) => points[hip]);
  if (hasTrunk && (joint === NECK || HIPS.includes(joint))) return pullTrunk(points, joint, target);
  if (joint === NECK) {
    return points.map((point) => point && [point[0] + target[0] - here[0], point[1] + target[1] - here[1]]);
  }
  const parent = PARENT[joint];
  const centre = points[parent];
  if (!centre) return replaced(points, joint, target);
  if (joint === NOSE) return turned(points, [joint, ...hangingOn(joint)], centre, angleBetween(centre, here, target));
  const there = onCircle(centre, distance(centre, here), target, here);
  const result = replaced(points, joint, there);
  for (const other of hangingOn(joint)) {
    const point = points[other];
    if (point) result[other] = [point[0] + there[0] - here[0], point[1] + there[1] - here[1]];
  }
  return result;
}

/**
 * The same joint of the other side pulled the mirrored way as well, seen from the trunk.
 * @param {Points} points @param {number} joint @param {Point} target @param {boolean} [free] @returns {Points}
 */
export function dragBoth(points, joint, target, free = false) {
  const here = points[joint];
  const other = MIRRORED[joint];
  const result = dragJoint(points, joint, target, free);
  const there = points[other];
  // a turning trunk takes both hips along already
  if (other === joint || !here || !there || (HIPS.includes(joint) && !free)) return result;
  const { angle } = trunkFrame(points, present(points));
  const turned = mirroredDirection([target[0] - here[0], target[1] - here[1]], angle);
  return dragJoint(result, other, [there[0] + turned[0], there[1] + turned[1]], free);
}

/**
 * One side made the mirror image of the other, about the trunk; joints the giving side lacks stay as they are.
 * @param {Points} points @param {"left" | "right"} from @returns {Points}
 */
export function copiedSide(points, from) {
  if (!present(points).length) return points;
  const trunk = trunkFrame(points, present(points));
  const result = points.slice();
  points.forEach((point, joint) => {
    if (!point || !JOINTS[joint].startsWith(from)) return;
    const [along, across] = trunk.inside(point);
    result[MIRRORED[joint]] = trunk.outside([along, -across]);
  });
  return result;
}

/**
 * Elbows and knees stretched: each limb keeps its direction and takes its full length.
 * @param {Points} points @param {number[]} [joints] only limbs with one of these; none given: all @returns {Points}
 */
export function straightened(points, joints = []) {
  const result = points.slice();
  for (const limb of TWO_BONES) {
    const [end, middle, root] = limb;
    const [a, b, c] = [points[root], points[middle], points[end]];
    if (!a || !b || !c || (joints.length && !joints.some((joint) => limb.includes(joint)))) continue;
    const angle = distance(a, c) < 1e-9 ? direction(a, b) : direction(a, c);
    const [upper, whole] = [distance(a, b), distance(a, b) + distance(b, c)];
    result[middle] = [a[0] + upper * Math.cos(angle), a[1] + upper * Math.sin(angle)];
    result[end] = [a[0] + whole * Math.cos(angle), a[1] + whole * Math.sin(angle)];
  }
  return result;
}

/** The whole person turned so that the trunk is plumb. @param {Points} points @returns {Points} */
export function upright(points) {
  const there = present(points);
  if (!there.length) return points;
  const { angle } = trunkFrame(points, there);
  const hips = HIPS.filter((joint) => points[joint]).map((joint) => at(points, joint));
  const centre = mean(hips.length ? hips : there.map((joint) => at(points, joint)));
  return points.map((point) => point && turnedPoint(point, centre, Math.PI / 2 - angle));
}

/**
 * What is wrong with a pose, in words, and with which joints.
 * @param {Points} points @param {{width: number, height: number}} canvas @returns {{text: string, joints: number[]}[]}
 */
export function problems(points, canvas) {
  const there = present(points);
  if (!there.length) return [{ text: "nobody: all joints are hidden", joints: [] }];
  const found = [];
  const outside = there.filter((joint) => {
    const [x, y] = at(points, joint);
    return !(x >= 0 && y >= 0 && x < canvas.width && y < canvas.height);
  });
  if (outside.length) found.push({ text: `outside the picture: ${named(outside)}`, joints: outside });
  const folded = there.filter((joint) => {
    const parent = points[PARENT[joint]];
    return parent && distance(parent, at(points, joint)) < SHORTEST;
  });
  if (folded.length) found.push({ text: `on top of the joint it hangs on: ${named(folded)}`, joints: folded });
  if (there.length < FEWEST) found.push({ text: `only ${there.length} of 18 joints`, joints: [] });
  return found;
}

const SHORTEST = 0.5; // pixels; shorter limbs have no direction anybody meant
const FEWEST = 3; // joints; with fewer there is no telling where a person is

const named = (/** @type {number[]} */ joints) =>
  joints.length > 3 ? `${joints.length} joints` : joints.map((joint) => JOINTS[joint]).join(", ");

/** A way mirrored at a line of this direction. @param {Point} way @param {number} angle @returns {Point} */
function mirroredDirection([x, y], angle) {
  const [cos, sin] = [Math.cos(2 * angle), Math.sin(2 * angle)];
  return [cos * x + sin * y, sin * x - cos * y];
}

/**
 * Where a missing joint would be: the standing person's limb, in proportion to this one's size, hung on its parent.
 * @param {Points} points @param {number} joint @param {{width: number, height: number}} canvas @returns {Points}
 */
export function restored(points, joint, canvas) {
  const model = standing(canvas.width, canvas.height);
  const scale = present(points).length > 1 ? sizeOf(points) / sizeOf(model) : 1;
  let parent = PARENT[joint];
  while (parent >= 0 && !points[parent]) parent = PARENT[parent];
  const child = points.findIndex((point, other) => point !== null && PARENT[other] === joint);
  const anchor = parent >= 0 ? parent : child;
  const [place, hangs] = [at(model, joint), anchor < 0 ? null : at(model, anchor)];
  if (!hangs) return replaced(points, joint, place);
  const from = at(points, anchor);
  return replaced(points, joint, [from[0] + (place[0] - hangs[0]) * scale, from[1] + (place[1] - hangs[1]) * scale]);
}

/** How large a person is: the mean length of the limbs that are there, against the standing person's. @param {Points} points */
function sizeOf(points) {
  const model = standing(1000, 1000);
  let own = 0;
  let standard = 0;
  for (const [joint, parent] of PARENT.entries()) {
    const [a, b] = [points[joint], points[parent]];
    if (!a || !b) continue;
    own += distance(a, b);
    standard += distance(at(model, joint), at(model, parent));
  }
  return standard ? own / standard : 1;
}

/** @param {Points} points @param {number} joint @param {Point} place @returns {Points} */
function replaced(points, joint, place) {
  const result = points.slice();
  result[joint] = [place[0], place[1]];
  return result;
}

/** @param {Point} centre @param {Point} from @param {Point} to */
function angleBetween(centre, from, to) {
  if (distance(centre, to) < 1e-9 || distance(centre, from) < 1e-9) return 0;
  return direction(centre, to) - direction(centre, from);
}

/** @param {Points} points @param {number[]} joints @param {Point} centre @param {number} angle @returns {Points} */
function turned(points, joints, centre, angle) {
  return points.map((point, joint) => (point && joints.includes(joint) ? turnedPoint(point, centre, angle) : point));
}

/**
 * The point of a circle nearest to `target`; where that is the centre itself, `otherwise`.
 * @param {Point} centre @param {number} radius @param {Point} target @param {Point} otherwise @returns {Point}
 */
function onCircle(centre, radius, target, otherwise) {
  const far = distance(centre, target);
  if (far < 1e-9) return otherwise;
  const share = radius / far;
  return [centre[0] + (target[0] - centre[0]) * share, centre[1] + (target[1] - centre[1]) * share];
}

/**
 * One end of the trunk pulled to a place: the other end follows like a towed rod, the rest of the body keeps its place on the
 * trunk, and feet stay planted as far as the legs reach.
 * @param {Points} points @param {number} joint the neck or a hip, with the neck and a hip there @param {Point} target
 * @returns {Points}
 */
function pullTrunk(points, joint, target) {
  const neck = at(points, NECK);
  const hips = mean(HIPS.filter((hip) => points[hip]).map((hip) => at(points, hip)));
  const here = at(points, joint);
  /** @type {Point} */
  const by = [target[0] - here[0], target[1] - here[1]];
  const [pulled, towed] = joint === NECK ? [neck, hips] : [hips, neck];
  /** @type {Point} */
  const end = [pulled[0] + by[0], pulled[1] + by[1]];
  const follows = onCircle(end, distance(neck, hips), towed, [towed[0] + by[0], towed[1] + by[1]]);
  const angle = joint === NECK ? direction(end, follows) - direction(neck, hips) : direction(follows, end) - direction(neck, hips);
  const newNeck = joint === NECK ? end : follows;
  const whole = points.map((point) => {
    if (!point) return null;
    const there = turnedPoint(point, neck, angle);
    return [there[0] + newNeck[0] - neck[0], there[1] + newNeck[1] - neck[1]];
  });
  return [TWO_BONES[2], TWO_BONES[3]].reduce((result, limb) => planted(result, points, limb), whole);
}

/** A leg whose hip has moved, its foot (or else its knee) where it was, as far as it reaches.
 * @param {Points} moved @param {Points} before @param {number[]} limb @returns {Points} */
function planted(moved, before, [end, middle, root]) {
  const [foot, knee, hip] = [before[end], before[middle], moved[root]];
  if (!hip) return moved;
  if (foot && knee) return bend(moved, end, middle, root, foot);
  const joint = foot ? end : middle;
  const [old, now] = [before[joint], moved[joint]];
  return old && now ? replaced(moved, joint, onCircle(hip, distance(hip, now), old, now)) : moved;
}

/**
 * Two bones that bring the end to a place, the middle joint on the side it was.
 * @param {Points} points @param {number} end @param {number} middle @param {number} root @param {Point} target @returns {Points}
 */
function bend(points, end, middle, root, target) {
  const [a, b, c] = [at(points, root), at(points, middle), at(points, end)];
  const upper = distance(a, b);
  const lower = distance(b, c);
  const wanted = distance(a, target);
  // straight lines and folded limbs are the ends of what is possible
  const reach = Math.min(Math.max(wanted, Math.abs(upper - lower)), upper + lower);
  const towards = wanted < 1e-9 ? direction(a, c) : direction(a, target);
  const side = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0 ? -1 : 1;
  const cosine = reach < 1e-9 || upper < 1e-9 ? 1 : (upper ** 2 + reach ** 2 - lower ** 2) / (2 * upper * reach);
  const angle = towards + side * Math.acos(Math.min(1, Math.max(-1, cosine)));
  /** @type {Point} */
  const bent = [a[0] + upper * Math.cos(angle), a[1] + upper * Math.sin(angle)];
  /** @type {Point} */
  const far = [a[0] + reach * Math.cos(towards), a[1] + reach * Math.sin(towards)];
  return replaced(replaced(points, middle, bent), end, onCircle(bent, lower, far, far));
}
