/**
 * Poses between poses, by the angles of the joints and the lengths of the limbs.
 * `dptn_core/pose/interpolation.py` gives the same numbers and explains them; both are tested on
 * one file of examples.
 */

import { above, HIPS, NECK, NOSE, PARENT, SHOULDERS, TWO_BONES } from "./anatomy.js";
import { headFrame, partFrames, present, trunkFrame } from "./frames.js";
import {
	at,
	away,
	direction,
	distance,
	Frame,
	mix,
	NO_LENGTH,
	scored,
	scoreOf,
	seen,
	wrapped,
} from "./geometry.js";
import { eachPart } from "./person.js";

/**
 * Fraction of the time to fraction of the way.
 * @type {Record<string, (fraction: number) => number>}
 */
export const EASINGS = {
	linear: (fraction) => fraction,
	smooth: (fraction) => fraction * fraction * (3 - 2 * fraction),
	"slow start": (fraction) => fraction * fraction,
	"slow end": (fraction) => fraction * (2 - fraction),
	hold: () => 0,
};

export const MAX_FRAMES = 10_000;

const HEAD = [14, 15, 16, 17];
const HALF_TURN = Math.PI - 1e-6;

/** Frames from the first of some keyframes to the one after the last. @param {Step[]} steps */
const lengthOf = (steps) => steps.reduce((sum, step) => sum + step.duration, 0);

/**
 * How many frames a sequence has.
 * @param {Step[]} steps one for each keyframe @param {boolean} loop
 */
export const frameCount = (steps, loop) =>
	loop ? lengthOf(steps) : lengthOf(steps.slice(0, -1)) + 1;

/** The frame at which a keyframe stands. @param {Step[]} steps @param {number} keyframe */
export const startOf = (steps, keyframe) => lengthOf(steps.slice(0, keyframe));

/**
 * One frame of the sequence, counted from 0.
 * @param {Person[][]} keyframes @param {Step[]} steps @param {number} number
 */
export function frameAt(keyframes, steps, number) {
	let left = number;
	for (const [index, people] of keyframes.entries()) {
		const { duration, easing } = steps[index];
		if (left === 0) return people;
		if (left < duration)
			return between(
				people,
				keyframes[(index + 1) % keyframes.length],
				EASINGS[easing](left / duration),
			);
		left -= duration;
	}
	return keyframes[keyframes.length - 1];
}

/**
 * Everybody between two frames.
 * @param {Person[]} start @param {Person[]} end @param {number} fraction
 */
export function between(start, end, fraction) {
	return start.map((person, index) =>
		end[index] ? personBetween(person, end[index], fraction) : person,
	);
}

/** @param {Person} start @param {Person} end @param {number} fraction */
function personBetween(start, end, fraction) {
	const known = present(start.points).filter((joint) => end.points[joint]);
	if (!known.length || fraction === 0) return start;
	const [trunkA, trunkB] = [start, end].map((person) => trunkFrame(person.points, known));
	const trunk = trunkA.towards(trunkB, fraction);
	const [framesA, framesB] = [
		partFrames(start.points, known, trunkA),
		partFrames(end.points, known, trunkB),
	];
	const points = pointsBetween(
		start.points,
		end.points,
		fraction,
		known,
		[trunkA, trunkB, trunk],
		[framesA.face, framesB.face],
	).map(
		(point, joint) =>
			point &&
			scored(point, Math.min(...seen([start.points[joint], end.points[joint]]).map(scoreOf))),
	);
	const frames = partFrames(points, known, trunk);
	// a hand, face or foot moves with its joint, and takes on the other's shape if there is one
	const parts = eachPart(start.parts, (part, name) => {
		const [frameA, frameB, frame, other] = [
			framesA[name],
			framesB[name],
			frames[name],
			end.parts[name],
		];
		if (!frameA || !frame) return part;
		return part.map((point, index) => {
			if (!point) return null;
			const to = frameB && other?.[index];
			return to
				? scored(frame.mixed(frameA, point, frameB, to, fraction), scoreOf(point))
				: scored(frame.outside(frameA.inside(point)), scoreOf(point));
		});
	});
	return { ...start, points, parts };
}

/**
 * The joints between two poses.
 * @param {Points} a @param {Points} b @param {number} fraction @param {number[]} known
 * @param {Frame[]} trunks
 * @param {Frame[]} heads
 */
function pointsBetween(a, b, fraction, known, [trunkA, trunkB, trunk], [headA, headB]) {
	const both = (/** @type {number} */ joint) => known.includes(joint);
	const mixed = (/** @type {number} */ joint, frame = trunk, frameA = trunkA, frameB = trunkB) =>
		frame.mixed(frameA, at(a, joint), frameB, at(b, joint), fraction);
	/** @type {Points} */
	const done = new Array(a.length).fill(null);
	for (const joint of [NECK, ...SHOULDERS, ...HIPS]) if (both(joint)) done[joint] = mixed(joint);
	/** @type {(root: number, joint: number) => Point} */
	const swing = (root, joint) => {
		const [start, end] = [a, b].map((pose) => [at(pose, root), at(pose, joint)]);
		return swung(at(done, root), trunk, [trunkA, trunkB], start, end, fraction);
	};
	if (both(NOSE)) done[NOSE] = both(NECK) ? swing(NECK, NOSE) : mixed(NOSE);
	for (const [end, middle, root] of TWO_BONES) {
		if (both(middle)) done[middle] = both(root) ? swing(root, middle) : mixed(middle);
		if (!both(end)) continue;
		const chain = [root, middle, end];
		if (chain.every(both)) {
			const [start, stop] = [a, b].map((pose) => chain.map((joint) => at(pose, joint)));
			done[end] = bent(at(done, root), at(done, middle), start, stop, fraction);
		} else if (both(middle) || both(root)) done[end] = swing(both(middle) ? middle : root, end);
		else done[end] = mixed(end);
	}
	const head = headFrame(done, known, trunk);
	for (const joint of HEAD) if (both(joint)) done[joint] = mixed(joint, head, headA, headB);
	const alone = present(a).filter((joint) => !both(joint));
	for (const joint of alone.sort((one, other) => depth(one) - depth(other) || one - other)) {
		done[joint] = attached(joint, a, done, trunkA, trunk);
	}
	return done;
}

/**
 * The end of a limb that turns about `root` relative to the trunk, the shorter way round, outward
 * when both are alike.
 * @param {Point} root @param {Frame} trunk @param {Frame[]} trunks at start and end
 * @param {Point[]} start root and end of the limb @param {Point[]} end @param {number} fraction
 */
function swung(root, trunk, [trunkA, trunkB], start, end, fraction) {
	const [lengthA, lengthB] = [start, end].map(([from, to]) => distance(from, to));
	const [ownA, ownB] = [
		direction(start[0], start[1]) - trunkA.angle,
		direction(end[0], end[1]) - trunkB.angle,
	];
	// a limb without a length turns as the other does
	const angleA = lengthA < NO_LENGTH ? ownB : ownA;
	let turn = wrapped((lengthB < NO_LENGTH ? angleA : ownB) - angleA);
	const side = trunkA.inside(start[0])[1];
	if (Math.abs(turn) > HALF_TURN) turn = Math.abs(turn) * (side >= 0 ? 1 : -1);
	return away(root, trunk.angle + angleA + turn * fraction, mix(lengthA, lengthB, fraction));
}

/**
 * The end of a forearm or shin: its angle to the upper limb changes through the straight limb.
 * @param {Point} root @param {Point} middle @param {Point[]} start @param {Point[]} end
 * @param {number} fraction
 */
function bent(root, middle, start, end, fraction) {
	const [bendA, bendB] = [start, end].map(([one, two, three]) => {
		const none = distance(one, two) < NO_LENGTH || distance(two, three) < NO_LENGTH;
		return none ? 0 : wrapped(direction(two, three) - direction(one, two));
	});
	let bend = bendB - bendA;
	// both all but folded: a limb takes the shorter way
	if (Math.abs(bend) > 1.5 * Math.PI) bend = wrapped(bend);
	const length = mix(distance(start[1], start[2]), distance(end[1], end[2]), fraction);
	return away(middle, direction(root, middle) + bendA + bend * fraction, length);
}

/** How many joints up to the root. @type {(joint: number) => number} */
const depth = (joint) => (joint < 0 ? 0 : 1 + depth(PARENT[joint]));

/**
 * A joint that only the start has: on the next known joint above it, turned with the trunk.
 * @param {number} joint @param {Points} a @param {Points} done @param {Frame} trunkA @param {Frame}
 * trunk
 */
function attached(joint, a, done, trunkA, trunk) {
	const held = above(joint, (up) => done[up] && a[up]);
	const place = at(a, joint);
	if (held < 0) return trunk.outside(trunkA.inside(place));
	const before = new Frame(at(a, held), trunkA.angle);
	return new Frame(at(done, held), trunk.angle).outside(before.inside(place));
}
