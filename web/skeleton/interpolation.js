/**
 * Poses between poses, by the angles of the joints and the lengths of the limbs. `dptn_core/pose/interpolation.py` gives the
 * same numbers and explains them; both are tested on one file of examples.
 */

import { above, HIPS, NECK, NOSE, PARENT, SHOULDERS, TWO_BONES } from "./anatomy.js";
import { headFrame, partFrames, present, trunkFrame } from "./frames.js";
import { at, away, direction, distance, Frame, mix, NO_LENGTH, wrapped } from "./geometry.js";
import { eachPart } from "./person.js";

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

/** How many frames lie between the first of some keyframes and the one after the last. @param {Step[]} steps */
const lengthOf = (steps) => steps.reduce((sum, step) => sum + step.frames, 0);

/** How many frames a sequence has. @param {Step[]} steps one for each keyframe @param {boolean} loop */
export const frameCount = (steps, loop) =>
	loop ? lengthOf(steps) : lengthOf(steps.slice(0, -1)) + 1;

/** The frame at which a keyframe stands. @param {Step[]} steps @param {number} keyframe */
export const startOf = (steps, keyframe) => lengthOf(steps.slice(0, keyframe));

/** One frame of the sequence, counted from 0. @param {Person[][]} keyframes @param {Step[]} steps @param {number} number */
export function frameAt(keyframes, steps, number) {
	let left = number;
	for (const [index, people] of keyframes.entries()) {
		const { frames, easing } = steps[index];
		if (left === 0) return people;
		if (left < frames)
			return between(
				people,
				keyframes[(index + 1) % keyframes.length],
				EASINGS[easing](left / frames),
			);
		left -= frames;
	}
	return keyframes[keyframes.length - 1];
}

/** Everybody on the way from one frame to the other. @param {Person[]} start @param {Person[]} end @param {number} share */
export function between(start, end, share) {
	return start.map((person, index) =>
		end[index] ? personBetween(person, end[index], share) : person,
	);
}

/** @type {(start: Person, end: Person, share: number) => Person} */
function personBetween(start, end, share) {
	const known = present(start.points).filter((joint) => end.points[joint]);
	if (!known.length || share === 0) return start;
	const [trunkA, trunkB] = [start, end].map((person) => trunkFrame(person.points, known));
	const trunk = trunkA.towards(trunkB, share);
	const [framesA, framesB] = [
		partFrames(start.points, known, trunkA),
		partFrames(end.points, known, trunkB),
	];
	const points = pointsBetween(
		start.points,
		end.points,
		share,
		known,
		[trunkA, trunkB, trunk],
		[framesA.face, framesB.face],
	);
	const frames = partFrames(points, known, trunk);
	// a hand or face goes along with its wrist or head, and takes on the other's shape if there is one
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
				? frame.mixed(frameA, point, frameB, to, share)
				: frame.outside(frameA.inside(point));
		});
	});
	return { ...start, points, parts };
}

/**
 * The joints on the way from one pose to another.
 * @param {Points} a @param {Points} b @param {number} share @param {number[]} known joints of both
 * @param {Frame[]} trunks of a, b and in between @param {Frame[]} heads of a and b
 */
function pointsBetween(a, b, share, known, [trunkA, trunkB, trunk], [headA, headB]) {
	const both = (/** @type {number} */ joint) => known.includes(joint);
	const straight = (/** @type {number} */ joint) =>
		trunk.mixed(trunkA, at(a, joint), trunkB, at(b, joint), share);
	/** @type {Points} */
	const done = new Array(a.length).fill(null);
	for (const joint of [NECK, ...SHOULDERS, ...HIPS]) if (both(joint)) done[joint] = straight(joint);
	/** @type {(root: number, joint: number) => Point} */
	const swing = (root, joint) =>
		swung(
			at(done, root),
			trunk,
			[trunkA, at(a, root), at(a, joint)],
			[trunkB, at(b, root), at(b, joint)],
			share,
		);
	if (both(NOSE)) done[NOSE] = both(NECK) ? swing(NECK, NOSE) : straight(NOSE);
	for (const [end, middle, root] of TWO_BONES) {
		if (both(middle)) done[middle] = both(root) ? swing(root, middle) : straight(middle);
		if (!both(end)) continue;
		const chain = [root, middle, end];
		if (chain.every(both))
			done[end] = bent(
				at(done, root),
				at(done, middle),
				chain.map((j) => at(a, j)),
				chain.map((j) => at(b, j)),
				share,
			);
		else if (both(middle) || both(root)) done[end] = swing(both(middle) ? middle : root, end);
		else done[end] = straight(end);
	}
	const head = headFrame(done, known, trunk);
	for (const joint of HEAD)
		if (both(joint)) done[joint] = head.mixed(headA, at(a, joint), headB, at(b, joint), share);
	const alone = present(a).filter((joint) => !both(joint));
	for (const joint of alone.sort((one, other) => depth(one) - depth(other) || one - other)) {
		done[joint] = hung(joint, a, done, trunkA, trunk);
	}
	return done;
}

/**
 * The end of a limb that turns about `root` relative to the trunk, the shorter way round, outward when both are alike.
 * @type {(root: Point, trunk: Frame, start: [Frame, Point, Point], end: [Frame, Point, Point], share: number) => Point}
 */
function swung(root, trunk, start, end, share) {
	const [lengthA, lengthB] = [start, end].map(([, from, to]) => distance(from, to));
	const [ownA, ownB] = [start, end].map(([frame, from, to]) => direction(from, to) - frame.angle);
	// a limb without a length turns as the other does
	const angleA = lengthA < NO_LENGTH ? ownB : ownA;
	let turn = wrapped((lengthB < NO_LENGTH ? angleA : ownB) - angleA);
	const side = start[0].inside(start[1])[1];
	if (Math.abs(turn) > HALF_TURN) turn = Math.abs(turn) * (side >= 0 ? 1 : -1);
	return away(root, trunk.angle + angleA + turn * share, mix(lengthA, lengthB, share));
}

/**
 * The end of a forearm or shin: its angle to the upper limb changes through the straight limb.
 * @type {(root: Point, middle: Point, start: Point[], end: Point[], share: number) => Point}
 */
function bent(root, middle, start, end, share) {
	const [bendA, bendB] = [start, end].map(([one, two, three]) => {
		const none = distance(one, two) < NO_LENGTH || distance(two, three) < NO_LENGTH;
		return none ? 0 : wrapped(direction(two, three) - direction(one, two));
	});
	let bend = bendB - bendA;
	// both all but folded: the shorter way is the one a limb takes
	if (Math.abs(bend) > 1.5 * Math.PI) bend = wrapped(bend);
	const length = mix(distance(start[1], start[2]), distance(end[1], end[2]), share);
	return away(middle, direction(root, middle) + bendA + bend * share, length);
}

/** How many joints up to the root. @type {(joint: number) => number} */
const depth = (joint) => (joint < 0 ? 0 : 1 + depth(PARENT[joint]));

/**
 * A joint that only the start has: on the next joint above it that is known, turned with the trunk.
 * @type {(joint: number, a: Points, done: Points, trunkA: Frame, trunk: Frame) => Point}
 */
function hung(joint, a, done, trunkA, trunk) {
	const held = above(joint, (up) => done[up] && a[up]);
	if (held < 0) return trunk.outside(trunkA.inside(at(a, joint)));
	return new Frame(at(done, held), trunk.angle).outside(
		new Frame(at(a, held), trunkA.angle).inside(at(a, joint)),
	);
}
