/**
 * The 18 OpenPose body keypoints, how they hang together, and how they are painted. The order is
 * that of `dptn_core/pose/skeleton.py`.
 */

// biome-ignore format: a table
export const JOINTS = [
	"nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow",
	"left wrist", "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle",
	"right eye", "left eye", "right ear", "left ear",
];

/** Pairs of joints, in the order ControlNet draws them. @type {[number, number][]} */
// biome-ignore format: a table
export const LIMBS = [
	[1, 2], [1, 5], [2, 3], [3, 4], [5, 6], [6, 7], [1, 8], [8, 9], [9, 10], [1, 11], [11, 12],
	[12, 13], [1, 0], [0, 14], [14, 16], [0, 15], [15, 17],
];

/** The joint each joint hangs on; the neck is the root. */
export const PARENT = [1, -1, 1, 2, 3, 1, 5, 6, 1, 8, 9, 1, 11, 12, 0, 0, 14, 15];

/** Index of each joint's mirror image. */
export const MIRRORED = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16];

export const NOSE = 0;
export const NECK = 1;
export const SHOULDERS = [2, 5];
export const HIPS = [8, 11];
export const HEAD = [0, 14, 15, 16, 17];

/**
 * Wrists and ankles: [end, middle, root], bent by two-bone inverse kinematics; the arms first,
 * right before left.
 */
// biome-ignore format: a table
export const TWO_BONES = [[4, 3, 2], [7, 6, 5], [10, 9, 8], [13, 12, 11]];

/**
 * Paul Tol's "bright" scheme, readable without colour vision: right side warm, left side cool, the
 * middle light. They are the editor's unless the artist
 * wants OpenPose's.
 * @param {number} joint
 */
export function jointColour(joint) {
	if (joint === NOSE || joint === NECK) return "#e8e8e8";
	return JOINTS[joint].startsWith("right") ? "#ee9944" : "#66ccee";
}

/**
 * OpenPose's colours, as Draw Skeleton has them: of joints, and at 0.6 of their strength of the
 * limbs of the same numbers.
 * @type {(number: number, strength?: number) => string}
 */
export const openPoseColour = (number, strength = 1) =>
	`hsl(${20 * number} 100% ${50 * strength}%)`;

/** All joints below `joint`. @type {(joint: number) => number[]} */
export const hangingOn = (joint) =>
	PARENT.flatMap((parent, other) => (parent === joint ? [other, ...hangingOn(other)] : [])).sort(
		(a, b) => a - b,
	);

/**
 * The next joint up that is known, -1 without one.
 * @type {(joint: number, known: (joint: number) => unknown) => number}
 */
export function above(joint, known) {
	const parent = PARENT[joint];
	return parent < 0 || known(parent) ? parent : above(parent, known);
}

// Fractions of the height, x from the middle of the body, y from the crown, as in
// dptn_core/pose/standing.py.
/** @type {Point[]} */
// biome-ignore format: a table
export const STANDING = [
	[0, 0.075], [0, 0.175], [-0.105, 0.18], [-0.135, 0.335], [-0.145, 0.475], [0.105, 0.18],
	[0.135, 0.335], [0.145, 0.475], [-0.06, 0.48], [-0.068, 0.715], [-0.072, 0.945], [0.06, 0.48],
	[0.068, 0.715], [0.072, 0.945], [-0.02, 0.058], [0.02, 0.058], [-0.045, 0.07], [0.045, 0.07],
];

/**
 * A person standing in the middle of the canvas.
 * @type {(width: number, height: number) => Point[]}
 */
export function standing(width, height) {
	const size = Math.min(height * 0.84, width * 2.2);
	return STANDING.map(([x, y]) => [x * size + width / 2, y * size + (height - size) / 2]);
}
