/**
 * Named poses, drawn by angles, and how a person takes one: with limbs of their own length, on
 * their own ground.
 */

import { above, HEAD, MIRRORED, NECK, PARENT, STANDING, standing, TWO_BONES } from "./anatomy.js";
import { hipsOf } from "./frames.js";
import {
	at,
	away,
	boxOf,
	distance,
	mean,
	minus,
	plus,
	seen,
	turnedPoint,
	within,
} from "./geometry.js";
import { NO_PARTS, personOf, withPoints } from "./person.js";

/**
 * @type {[name: string, arms: Limb[], legs: Limb[], more?: Drawing][]} arms and legs right and
 * left; one: both alike
 */
// biome-ignore format: a table
const DRAWINGS = [
	["standing", [[8, 4]], [[2, 1]]],
	["standing, turned", [[9, 2], [7, 4]], [[3, 1], [3, -1]], { view: "turned" }],
	["standing, from the side", [[-4, 8], [-2, 10]], [[2, -2], [-2, -5]], { view: "side" }],
	["standing, from behind", [[9, 5]], [[3, 1]], { view: "back" }],
	["A-pose", [[42, 42]], [[8, 6]]],
	["T-pose", [[90, 90]], [[3, 2]]],
	["arms raised", [[155, 168]], [[5, 3]]],
	["hands on hips", [[45, -48, 1, 0.95]], [[7, 5]]],
	["arms crossed", [[14, -98], [14, -104]], [[4, 2]]],
	["hands behind the head", [[118, -104, 0.85, 0.95]], [[5, 3]]],
	["waving", [[98, 172], [9, 5]], [[4, 2]], { head: -4 }],
	["pointing", [[8, 4], [88, 90]], [[4, 2], [6, 4]], { head: 4 }],
	["thinking", [[12, -152, 1, 0.95], [14, -88, 1, 0.9]], [[3, 1], [5, 3]], { head: -6 }],
	["at ease", [[14, 4], [46, -50, 1, 0.95]], [[-3, -2], [16, 7]], { lean: -4, head: 5 }],
	["walking towards you", [[12, 10, 1, 0.8], [11, 4]], [[3, 0], [4, 2, 0.95, 0.78]]],
	["walking", [[-24, -8], [22, 42]], [[24, 8], [-14, -36]], { view: "side", lean: 2 }],
	["running", [[-48, 42], [42, 128]], [[68, -12], [-18, -88]],
		{ view: "side", lean: 12, lift: 0.02 }],
	["marching", [[12, -4, 0.95, 0.9], [18, 160, 0.9, 0.8]], [[70, -4, 0.75, 0.95], [2, 1]],
		{ view: "turned" }],
	["sitting, from the front", [[14, -16, 0.95, 0.75]], [[22, 2, 0.42]]],
	["sitting, from the side", [[22, 62], [26, 66]], [[86, -4], [82, 4]], { view: "side", lean: -3 }],
	["sitting cross-legged", [[26, 16, 1, 0.85]], [[74, -98, 0.85, 0.8], [74, -92, 0.85, 0.8]]],
	["sitting on the floor", [[-30, -26], [-26, -22]], [[118, 34], [90, 88]],
		{ view: "side", lean: -18 }],
	["kneeling", [[2, 22], [6, 26]], [[2, -92], [-2, -88]], { view: "side" }],
	["on one knee", [[18, 70], [-4, 14]], [[88, 0], [-4, -86]], { view: "side", lean: 3 }],
	["squatting", [[30, -42, 0.8, 0.8]], [[58, -12, 0.72]]],
	["lunge", [[60, 64]], [[62, 2, 0.9], [36, 38]], { lean: -6 }],
	["star jump", [[128, 132]], [[30, 32]], { lift: 0.08 }],
	["leap", [[120, 150]], [[34, -40, 0.9, 0.9]], { lift: 0.12 }],
	["arabesque", [[98, 100], [-58, -62]], [[0, 0], [-96, -98]], { view: "side", lean: 16 }],
	["tree", [[150, -152, 0.95, 0.95]], [[56, -64, 0.95, 0.9], [1, 0]]],
	["pirouette", [[64, -82, 0.9, 0.85]], [[1, 0], [62, -60, 0.9, 0.9]], { head: -4 }],
	["kick", [[-30, 40], [40, 110]], [[98, 94], [-6, -2]], { view: "side", lean: -16 }],
	["boxing guard", [[16, 172, 0.9, 0.95], [20, 178, 0.9, 0.95]], [[14, 8], [16, 10]], { lean: 3 }],
	["punch", [[88, 90], [30, 142]], [[26, -8], [-26, -32]], { view: "side", lean: 8 }],
	["bow", [[4, 6], [10, 12]], [[-4, -2], [-2, -4]], { view: "side", lean: 74, head: 10 }],
	["carrying", [[12, -28, 1, 0.6]], [[4, 2]]],
	["handstand", [[176, 178]], [[4, 2]], { turn: 180 }],
	["lying on the back", [[-6, -2], [4, 6]], [[2, 0], [-1, -2]], { view: "side", turn: -90 }],
];

/**
 * Half the width of shoulders and hips, and the face, in fractions of the height, as each view
 * shows them.
 * @type {Record<string, View>}
 */
const VIEWS = {
	front: { shoulder: 0.105, hip: 0.06, nose: 0, eyes: [-0.02, 0.02], ears: [-0.045, 0.045] },
	turned: { shoulder: 0.085, hip: 0.05, nose: 0.024, eyes: [-0.002, 0.034], ears: [-0.034, null] },
	side: { shoulder: 0.014, hip: 0.01, nose: 0.046, eyes: [0.028, null], ears: [-0.012, null] },
	back: { shoulder: -0.105, hip: -0.06, nose: null, eyes: [null, null], ears: [0.045, -0.045] },
};
const HIPS_MIDDLE = [0, STANDING[8][1]];
/** @type {(degrees: number) => number} */
const radians = (degrees) => (degrees * Math.PI) / 180;
const lengthOf = (/** @type {number} */ joint) =>
	distance(STANDING[joint], STANDING[PARENT[joint]]);

/**
 * A drawing as 18 points in fractions of the height, y from 0 at the ground upward negative.
 * @param {Limb[]} limbs @param {Drawing} drawing
 */
function drawn(limbs, { view = "front", lean = 0, head = 0, turn = 0, lift = 0 }) {
	const { shoulder, hip, nose, eyes, ears } = VIEWS[view];
	const points = new Array(18).fill(null);
	// as far to the side as the view shows it, as high as on a standing person
	/** @type {(joint: number, x: number | null) => void} */
	const put = (joint, x) => {
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
	/** @type {(joints: number[], centre: Point, degrees: number) => void} */
	const tilt = (joints, centre, degrees) => {
		for (const joint of joints)
			points[joint] = points[joint] && turnedPoint(points[joint], centre, radians(degrees));
	};
	tilt(HEAD, points[NECK], head);
	tilt([NECK, 2, 5, ...HEAD], HIPS_MIDDLE, lean);
	const rightSide = shoulder > 0 ? -1 : 1;
	TWO_BONES.forEach(([end, middle, root], index) => {
		const [upper, lower, upperFraction = 1, lowerFraction = 1] = limbs[index];
		const outward = view === "side" ? 1 : index % 2 === 0 ? rightSide : -rightSide;
		const hung = (/** @type {number} */ degrees) => Math.PI / 2 - outward * radians(degrees);
		points[middle] = away(points[root], hung(upper), lengthOf(middle) * upperFraction);
		points[end] = away(points[middle], hung(lower), lengthOf(end) * lowerFraction);
	});
	tilt([...points.keys()], HIPS_MIDDLE, turn);
	const ground = boxOf(seen(points)).bottom + lift;
	return points.map((point) => point && minus(point, [0, ground]));
}

/**
 * The first pose of each category.
 * @type {[category: string, first: string][]}
 */
const STARTS = [
	["standing, gestures", "standing"],
	["walking, running", "walking towards you"],
	["sitting, kneeling", "sitting, from the front"],
	["dance, sport", "lunge"],
	["bent, lying", "bow"],
];

export const CATEGORIES = STARTS.map(([category]) => category);

/** @param {number} index of a drawing */
const categoryOf = (index) =>
	STARTS.findLast(([, first]) => DRAWINGS.findIndex(([name]) => name === first) <= index)?.[0] ??
	CATEGORIES[0];

/** The poses of the library, in fractions of the height, the ground at 0. */
export const POSES = DRAWINGS.map(
	([name, [arm, leftArm = arm], [leg, leftLeg = leg], more = {}], index) => ({
		name,
		category: categoryOf(index),
		points: drawn([arm, leftArm, leg, leftLeg], more),
	}),
);

/**
 * Give the person in hand a pose; where there is nobody, somebody comes. Hands, face and feet of
 * the pose replace the person's own, which otherwise move with the joints.
 * @param {EditorState} state @param {Points} model the pose, any size @param {Parts} [parts] of it
 */
export function takePose(state, model, parts = NO_PARTS) {
	/** @type {(person: Person, canvas: Canvas) => Person} */
	const posed = (person, canvas) => {
		const points = inPose(person.points, model, canvas);
		const moved = withPoints(person, points);
		const own = withPoints({ ...moved, points: model, parts }, points).parts;
		const shown = Object.fromEntries(Object.entries(own).filter(([, part]) => part));
		return { ...moved, parts: { ...moved.parts, ...shown } };
	};
	if (state.person()) state.changePerson(posed);
	else state.changePeople((people, canvas) => [...people, posed(personOf([]), canvas)]);
}

/**
 * A person in a pose of the library: their own limbs, as long as the pose shows of them, the lowest
 * point on the ground where it was, and the hips above the same place. Arms and legs they hide stay
 * hidden; the head shows what the pose shows.
 * @param {Points} points the person @param {Points} model the pose, any size
 * @param {Canvas} canvas if nothing is there of the person
 */
export function inPose(points, model, canvas) {
	const person = seen(points).length > 1 ? points : standing(canvas.width, canvas.height);
	const { stature, fractions } = proportions(person);
	const scale = stature / proportions(model).stature;
	/** @type {Points} */
	const posed = new Array(18).fill(null);
	posed[NECK] = [0, 0];
	for (const joint of [2, 5, 8, 11, 0, 3, 6, 9, 12, 4, 7, 10, 13, 14, 15, 16, 17]) {
		// in a view from behind the ears hang on the neck, as nothing lies between
		const parent = above(joint, (up) => posed[up]);
		if (!model[joint] || parent < 0) continue;
		const [x, y] = minus(at(model, joint), at(model, parent));
		const length = scale * fractions[joint];
		posed[joint] = plus(at(posed, parent), [x * length, y * length]);
	}
	const kept = posed.map((point, joint) => (HEAD.includes(joint) || person[joint] ? point : null));
	const [x, y] = minus(standsAt(person), standsAt(kept));
	const lift = -boxOf(seen(model)).bottom * scale;
	return kept.map((point) => point && plus(point, [x, y - Math.max(lift, 0)]));
}

/** Middle of the hips (or else of everything), and the lowest point. @param {Points} points */
function standsAt(points) {
	const hips = hipsOf(points);
	return [mean(hips.length ? hips : seen(points))[0], boxOf(seen(points)).bottom];
}

/**
 * How tall somebody is in pixels, and each limb against that, from what is seen: what is
 * foreshortened is measured on the other side or taken for average.
 * @param {Points} points
 */
function proportions(points) {
	const ratios = PARENT.map((parent, joint) => {
		const [own, hangs] = [points[joint], points[parent]];
		return own && hangs ? distance(own, hangs) / lengthOf(joint) : 0;
	});
	const known = (/** @type {number[]} */ some) =>
		some.filter((ratio) => ratio > 0).sort((a, b) => a - b);
	// shoulders, hips and the face shrink when somebody turns: limbs and trunk tell the size
	const telling = known([3, 4, 6, 7, 9, 10, 12, 13, 8, 11].map((joint) => ratios[joint]));
	const sorted = telling.length ? telling : known(ratios);
	const stature = sorted[Math.floor(0.75 * (sorted.length - 1))] ?? 1;
	const fractions = ratios.map((ratio, joint) => {
		const longest = Math.max(ratio, ratios[MIRRORED[joint]]);
		return longest > 0 && !HEAD.includes(joint) ? within(longest / stature, 0.8, 1.25) : 1;
	});
	return { stature, fractions };
}
