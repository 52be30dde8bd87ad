/**
 * Poses between poses, by the angles of the joints and the lengths of the limbs. `dptn_core/pose/interpolation.py` gives the
 * same numbers and explains them; both are tested on one file of examples.
 */

import { HIPS, NECK, NOSE, PARENT, SHOULDERS, TWO_BONES } from "./anatomy.js";
import { at, headFrame, present, trunkFrame, wristFrame } from "./frames.js";
import { Frame, NO_LENGTH, direction, distance, mix, wrapped } from "./geometry.js";

/** @import { Point } from "./geometry.js" */
/** @import { Points } from "./pose.js" */
/** @import { Person } from "./person.js" */

/** @typedef {{frames: number, easing: string}} Step the way to the next keyframe: how many frames later, and how it is gone */

/** Share of the time to share of the way. @type {Record<string, (share: number) => number>} */
export const EASINGS = {
  linear: (share) => share,
  smooth: (share) => share * share * (3 - 2 * share),
  "slow start": (share) => share * share,
  "slow end": (share) => share * (2 - share),
  hold: () => 0,
};

export const MOST_FRAMES = 10_000;

const HEAD = [14, 15, 16, 17];
const HALF_TURN = Math.PI - 1e-6;

/** How many frames a sequence has. @param {Step[]} steps one for each keyframe @param {boolean} loop */
export function frameCount(steps, loop) {
  const ways = loop ? steps : steps.slice(0, -1);
  return ways.reduce((sum, step) => sum + step.frames, 0) + (loop ? 0 : 1);
}

/**
 * One frame of the sequence.
 * @param {Person[][]} keyframes @param {Step[]} steps @param {number} number counted from 0
 * @returns {Person[]}
 */
export function frameAt(keyframes, steps, number) {
  let left = number;
  for (let index = 0; index < keyframes.length; index++) {
    if (left < steps[index].frames) {
      if (left === 0) return keyframes[index];
      const share = EASINGS[steps[index].easing](left / steps[index].frames);
      return between(keyframes[index], keyframes[(index + 1) % keyframes.length], share);
    }
    left -= steps[index].frames;
  }
  return keyframes[keyframes.length - 1];
}

/** The frame at which a keyframe stands. @param {Step[]} steps @param {number} keyframe */
export const startOf = (steps, keyframe) => steps.slice(0, keyframe).reduce((sum, step) => sum + step.frames, 0);

/** Everybody on the way from one frame to the other. @param {Person[]} start @param {Person[]} end @param {number} share */
export function between(start, end, share) {
  return start.map((person, index) => (end[index] ? personBetween(person, end[index], share) : person));
}

/** @param {Person} start @param {Person} end @param {number} share @returns {Person} */
function personBetween(start, end, share) {
  const known = present(start.points).filter((joint) => end.points[joint]);
  if (!known.length || share === 0) return start;
  const [trunkA, trunkB] = [trunkFrame(start.points, known), trunkFrame(end.points, known)];
  const trunk = trunkA.towards(trunkB, share);
  const points = pointsBetween(start.points, end.points, share, known, [trunkA, trunkB, trunk]);
  /** @param {"left" | "right"} side */
  const wrists = (side) => [
    wristFrame(start.points, side, trunkA), wristFrame(end.points, side, trunkB), wristFrame(points, side, trunk),
  ];
  const heads = [
    headFrame(start.points, known, trunkA), headFrame(end.points, known, trunkB), headFrame(points, known, trunk),
  ];
  return {
    ...start,
    points,
    parts: {
      handLeft: partBetween(start.parts.handLeft, end.parts.handLeft, wrists("left"), share),
      handRight: partBetween(start.parts.handRight, end.parts.handRight, wrists("right"), share),
      face: partBetween(start.parts.face, end.parts.face, heads, share),
    },
  };
}

/**
 * The 18 joints on the way from one pose to another.
 * @param {Points} a @param {Points} b @param {number} share
 * @param {number[]} [known] joints that both have @param {Frame[]} [trunks] of a, of b, and on the way
 * @returns {Points}
 */
export function pointsBetween(a, b, share, known = present(a).filter((joint) => b[joint]), trunks = undefined) {
  if (!known.length) return a;
  const [trunkA, trunkB] = trunks ?? [trunkFrame(a, known), trunkFrame(b, known)];
  const trunk = trunkA.towards(trunkB, share);
  const both = (/** @type {number} */ joint) => known.includes(joint);
  const straight = (/** @type {number} */ joint) => trunk.mixed(trunkA, at(a, joint), trunkB, at(b, joint), share);
  /** @type {Points} */
  const done = new Array(a.length).fill(null);
  for (const joint of [NECK, ...SHOULDERS, ...HIPS]) if (both(joint)) done[joint] = straight(joint);
  const swing = (/** @type {number} */ root, /** @type {number} */ joint) =>
    swung(at(done, root), trunk, [trunkA, at(a, root), at(a, joint)], [trunkB, at(b, root), at(b, joint)], share);
  if (both(NOSE)) done[NOSE] = both(NECK) ? swing(NECK, NOSE) : straight(NOSE);
  for (const [end, middle, root] of TWO_BONES) {
    if (both(middle)) done[middle] = both(root) ? swing(root, middle) : straight(middle);
    if (!both(end)) continue;
    if (both(middle) && both(root)) {
      const chain = [root, middle, end];
      done[end] = bent(at(done, root), at(done, middle), chain.map((j) => at(a, j)), chain.map((j) => at(b, j)), share);
    } else if (both(middle) || both(root)) done[end] = swing(both(middle) ? middle : root, end);
    else done[end] = straight(end);
  }
  const [headA, headB, head] = [headFrame(a, known, trunkA), headFrame(b, known, trunkB), headFrame(done, known, trunk)];
  for (const joint of HEAD) if (both(joint)) done[joint] = head.mixed(headA, at(a, joint), headB, at(b, joint), share);
  const alone = present(a).filter((joint) => !both(joint));
  for (const joint of alone.sort((one, other) => depth(one) - depth(other) || one - other)) {
    done[joint] = carried(joint, a, done, trunkA, trunk);
  }
  return done;
}

/**
 * The end of a limb that turns about `root` in relation to the trunk, the shorter way round, outward when both are alike.
 * @param {Point} root @param {Frame} trunk @param {[Frame, Point, Point]} start @param {[Frame, Point, Point]} end
 * @param {number} share @returns {Point}
 */
function swung(root, trunk, start, end, share) {
  const [lengthA, lengthB] = [distance(start[1], start[2]), distance(end[1], end[2])];
  let angleA = direction(start[1], start[2]) - start[0].angle;
  let angleB = direction(end[1], end[2]) - end[0].angle;
  if (lengthA < NO_LENGTH) angleA = angleB;
  if (lengthB < NO_LENGTH) angleB = angleA;
  let turn = wrapped(angleB - angleA);
  const side = start[0].inside(start[1])[1];
  if (Math.abs(turn) > HALF_TURN) turn = Math.abs(turn) * (side >= 0 ? 1 : -1);
  const angle = trunk.angle + angleA + turn * share;
  const length = mix(lengthA, lengthB, share);
  return [root[0] + length * Math.cos(angle), root[1] + length * Math.sin(angle)];
}

/**
 * The end of a forearm or shin: its angle to the upper limb changes through the straight limb.
 * @param {Point} root @param {Point} middle @param {Point[]} start root, middle and end @param {Point[]} end
 * @param {number} share @returns {Point}
 */
function bent(root, middle, start, end, share) {
  const [bendA, bendB] = [start, end].map(([one, two, three]) => {
    const none = distance(one, two) < NO_LENGTH || distance(two, three) < NO_LENGTH;
    return none ? 0 : wrapped(direction(two, three) - direction(one, two));
  });
  let bend = bendB - bendA;
  // both all but folded: the shorter way is the one a limb takes
  if (Math.abs(bend) > 1.5 * Math.PI) bend = wrapped(bend);
  const angle = direction(root, middle) + bendA + bend * share;
  const length = mix(distance(start[1], start[2]), distance(end[1], end[2]), share);
  return [middle[0] + length * Math.cos(angle), middle[1] + length * Math.sin(angle)];
}

/** How many joints up to the root. @param {number} joint */
function depth(joint) {
  let count = 0;
  for (let up = PARENT[joint]; up >= 0; up = PARENT[up]) count++;
  return count;
}

/**
 * A joint that only the start has: on the next joint above it that is known, turned with the trunk.
 * @param {number} joint @param {Points} a @param {Points} done @param {Frame} trunkA @param {Frame} trunk @returns {Point}
 */
function carried(joint, a, done, trunkA, trunk) {
  let above = PARENT[joint];
  while (above >= 0 && !(done[above] && a[above])) above = PARENT[above];
  if (above < 0) return trunk.outside(trunkA.inside(at(a, joint)));
  const held = new Frame(at(a, above), trunkA.angle).inside(at(a, joint));
  return new Frame(at(done, above), trunk.angle).outside(held);
}

/**
 * A hand or face that goes along with its wrist or head, and takes on the other's shape if there is one.
 * @param {Points | null} start @param {Points | null} end @param {(Frame | null)[]} frames of the start, the end, the way
 * @param {number} share @returns {Points | null}
 */
function partBetween(start, end, frames, share) {
  const [frameA, frameB, frame] = frames;
  if (!start || !frameA || !frame) return start;
  return start.map((point, index) => {
    if (!point) return null;
    const other = frameB && end ? end[index] : null;
    return other && frameB ? frame.mixed(frameA, point, frameB, other, share) : frame.outside(frameA.inside(point));
  });
}
