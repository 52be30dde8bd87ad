/**
 * Moving joints of one person. Points are [x, y] in pixels of the canvas, or null where a joint is
 * missing. Nothing here changes its arguments or touches the page.
 */

import {
	above,
	HIPS,
	hangingOn,
	JOINTS,
	MIRRORED,
	NECK,
	NOSE,
	PARENT,
	standing,
	TWO_BONES,
} from "./anatomy.js";
import { hipsOf, present, trunkFrame } from "./frames.js";
import {
	at,
	away,
	boxOf,
	direction,
	distance,
	mean,
	minus,
	onWay,
	plus,
	seen,
	turnedPoint,
	within,
} from "./geometry.js";

const NOWHERE = 1e-9; // pixels; so near there is no direction
const MIN_LENGTH = 0.5; // pixels; shorter limbs have no direction anybody meant
const GAP = 0.15; // of a standing person's width, to the next one
const MIN_JOINTS = 3; // joints; with fewer there is no telling where a person is

/**
 * Bring a joint to a place, as far as the body allows.
 *
 * Wrists and ankles bend their limb (two-bone inverse kinematics, the elbow or knee keeps its
 * side); elbows, knees and shoulders turn about their parent joint and move the joints below them;
 * the nose turns the head; the neck and the hips move the trunk, whose other end follows, and feet
 * stay planted as far as the legs reach. All lengths stay as they are. Where `free`, only this
 * joint moves, and lengths change (foreshortening).
 * @type {(points: Points, joint: number, target: Point, free?: boolean) => Points}
 */
export function dragJoint(points, joint, target, free = false) {
	const here = points[joint];
	if (!here) return points;
	if (free) return replaced(points, joint, target);
	const limb = TWO_BONES.find(([end]) => end === joint);
	if (limb?.every((other) => points[other])) return bend(points, limb, target);
	const by = minus(target, here);
	if (points[NECK] && hipsOf(points).length && (joint === NECK || HIPS.includes(joint)))
		return pullTrunk(points, joint, by);
	if (joint === NECK) return points.map((point) => point && plus(point, by));
	const centre = points[PARENT[joint]];
	if (!centre) return replaced(points, joint, target);
	if (joint === NOSE) {
		const none = Math.min(distance(centre, target), distance(centre, here)) < NOWHERE;
		const angle = none ? 0 : direction(centre, target) - direction(centre, here);
		const head = [joint, ...hangingOn(joint)];
		return points.map((point, other) =>
			point && head.includes(other) ? turnedPoint(point, centre, angle) : point,
		);
	}
	const there = onCircle(centre, distance(centre, here), target, here);
	const attached = hangingOn(joint);
	const result = points.map((point, other) =>
		point && attached.includes(other) ? plus(point, minus(there, here)) : point,
	);
	return replaced(result, joint, there);
}

/**
 * The same joint of the other side dragged the mirrored way as well, seen from the trunk.
 * @type {typeof dragJoint}
 */
export function dragBoth(points, joint, target, free = false) {
	const here = points[joint];
	const other = MIRRORED[joint];
	const result = dragJoint(points, joint, target, free);
	const there = points[other];
	// a turning trunk takes both hips along already
	if (other === joint || !here || !there || (HIPS.includes(joint) && !free)) return result;
	const { angle } = trunkFrame(points, present(points));
	const [x, y] = turnedPoint(minus(target, here), [0, 0], -angle);
	return dragJoint(result, other, plus(there, turnedPoint([x, -y], [0, 0], angle)), free);
}

/**
 * One side made the mirror image of the other, about the trunk; joints the giving side lacks stay
 * as they are.
 * @param {Points} points @param {"left" | "right"} from
 */
export function copiedSide(points, from) {
	const there = present(points);
	if (!there.length) return points;
	const trunk = trunkFrame(points, there);
	const result = points.slice();
	for (const joint of there.filter((one) => JOINTS[one].startsWith(from))) {
		const [along, across] = trunk.inside(at(points, joint));
		result[MIRRORED[joint]] = trunk.outside([along, -across]);
	}
	return result;
}

/**
 * Elbows and knees stretched: each limb keeps its direction and takes its full length.
 * @param {Points} points @param {number[]} [joints] only limbs with one of these; none given: all
 */
export function straightened(points, joints = []) {
	const result = points.slice();
	for (const limb of TWO_BONES) {
		const [end, middle, root] = limb;
		const [a, b, c] = [points[root], points[middle], points[end]];
		if (!a || !b || !c || (joints.length && !joints.some((joint) => limb.includes(joint))))
			continue;
		const angle = direction(a, distance(a, c) < NOWHERE ? b : c);
		result[middle] = away(a, angle, distance(a, b));
		result[end] = away(a, angle, distance(a, b) + distance(b, c));
	}
	return result;
}

/** The whole person turned so that the trunk is plumb. @param {Points} points */
export function upright(points) {
	const there = present(points);
	if (!there.length) return points;
	const { angle } = trunkFrame(points, there);
	const hips = hipsOf(points);
	const centre = mean(hips.length ? hips : seen(points));
	return points.map((point) => point && turnedPoint(point, centre, Math.PI / 2 - angle));
}

const named = (/** @type {number[]} */ joints) =>
	joints.length > 3 ? `${joints.length} joints` : joints.map((joint) => JOINTS[joint]).join(", ");

/**
 * What is wrong with a pose, in words, and with which joints.
 * @param {Points} points @param {Canvas} canvas
 */
export function problems(points, canvas) {
	const there = present(points);
	/** @type {{text: string, joints: number[]}[]} */
	const found = [];
	if (!there.length) found.push({ text: "no person: all joints are hidden", joints: [] });
	const outside = there.filter((joint) => {
		const [x, y] = at(points, joint);
		return !(x >= 0 && y >= 0 && x < canvas.width && y < canvas.height);
	});
	if (outside.length) found.push({ text: `outside the image: ${named(outside)}`, joints: outside });
	const folded = there.filter((joint) => {
		const parent = points[PARENT[joint]];
		return parent && distance(parent, at(points, joint)) < MIN_LENGTH;
	});
	if (folded.length)
		found.push({ text: `on top of the joint it hangs on: ${named(folded)}`, joints: folded });
	if (there.length && there.length < MIN_JOINTS)
		found.push({ text: `only ${there.length} of 18 joints`, joints: [] });
	return found;
}

/**
 * Where a missing joint would be: the standing person's limb, as large as this one's and turned
 * with the trunk, on its parent.
 * @param {Points} points @param {number} joint @param {Canvas} canvas
 */
export function restored(points, joint, canvas) {
	const model = standing(canvas.width, canvas.height);
	const parent = above(joint, (up) => points[up]);
	const anchor =
		parent >= 0 ? parent : points.findIndex((point, other) => point && PARENT[other] === joint);
	if (anchor < 0) return replaced(points, joint, model[joint]);
	const way = minus(model[joint], model[anchor]);
	const [angle, upright] = [points, model].map((body) => trunkFrame(body, present(points)).angle);
	return replaced(
		points,
		joint,
		plus(at(points, anchor), turnedPoint(way, [0, 0], angle - upright, scaleOf(points, model))),
	);
}

/**
 * A standing person beside the others, as tall as the last of them and on their ground, on the side
 * with more room and within the canvas.
 * @param {Person[]} people @param {Canvas} canvas @returns {Points}
 */
export function standingBeside(people, { width, height }) {
	const model = standing(width, height);
	const taken = people.flatMap(({ points }) => seen(points));
	const last = people.at(-1)?.points ?? [];
	if (!seen(last).length) return model;
	const scale = scaleOf(last, model);
	const sized = model.map((point) => turnedPoint(point, [0, 0], 0, scale));
	const [own, others] = [boxOf(sized), boxOf(taken)];
	const gap = GAP * (own.right - own.left);
	const left =
		width - others.right >= others.left
			? others.right + gap
			: others.left - gap - own.right + own.left;
	const inside = within(left, 0, Math.max(0, width - 1 - (own.right - own.left)));
	return sized.map((point) =>
		plus(point, [inside - own.left, boxOf(seen(last)).bottom - own.bottom]),
	);
}

/**
 * How large a person is against a model: by all limbs that are there.
 * @param {Points} points @param {Points} model
 */
function scaleOf(points, model) {
	let [own, standard] = [0, 0];
	PARENT.forEach((parent, joint) => {
		const [end, start] = [points[joint], points[parent]];
		if (!end || !start) return;
		own += distance(end, start);
		standard += distance(at(model, joint), at(model, parent));
	});
	return standard ? own / standard : 1;
}

/** @type {(points: Points, joint: number, place: Point) => Points} */
const replaced = (points, joint, place) =>
	points.map((point, other) => (other === joint ? place : point));

/** The point of a circle nearest to `target`; where that is the centre itself, `otherwise`.
 * @type {(centre: Point, radius: number, target: Point, otherwise: Point) => Point} */
function onCircle(centre, radius, target, otherwise) {
	const far = distance(centre, target);
	return far < NOWHERE ? otherwise : onWay(centre, target, radius / far);
}

/**
 * One end of the trunk pulled: the other end follows like a towed rod, the rest of the body keeps
 * its place on the trunk, and feet stay planted as far as the legs reach.
 * @param {Points} points @param {number} joint @param {Point} by
 */
function pullTrunk(points, joint, by) {
	const [neck, hips] = [at(points, NECK), mean(hipsOf(points))];
	const [pulled, towed] = joint === NECK ? [neck, hips] : [hips, neck];
	const end = plus(pulled, by);
	const follows = onCircle(end, distance(neck, hips), towed, plus(towed, by));
	const angle = direction(end, follows) - direction(pulled, towed);
	const shift = minus(joint === NECK ? end : follows, neck);
	const whole = points.map((point) => point && plus(turnedPoint(point, neck, angle), shift));
	return TWO_BONES.slice(2).reduce((moved, limb) => planted(moved, points, limb), whole);
}

/**
 * A leg whose hip has moved, its foot (or else its knee) where it was, as far as it reaches.
 * @param {Points} moved @param {Points} before @param {number[]} limb
 */
function planted(moved, before, limb) {
	const [end, middle, root] = limb;
	const [foot, knee, hip] = [before[end], before[middle], moved[root]];
	if (!hip) return moved;
	if (foot && knee) return bend(moved, limb, foot);
	const joint = foot ? end : middle;
	const [old, now] = [before[joint], moved[joint]];
	return old && now ? replaced(moved, joint, onCircle(hip, distance(hip, now), old, now)) : moved;
}

/**
 * Two bones that bring the end to a place, the middle joint on the side it was. @param {Points}
 * points @param {number[]} limb
 * @param {Point} target
 */
function bend(points, [end, middle, root], target) {
	const [a, b, c] = [at(points, root), at(points, middle), at(points, end)];
	const [upper, lower, wanted] = [distance(a, b), distance(b, c), distance(a, target)];
	// straight lines and folded limbs are the ends of what is possible
	const reach = within(wanted, Math.abs(upper - lower), upper + lower);
	const towards = direction(a, wanted < NOWHERE ? c : target);
	const side = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0 ? -1 : 1;
	const cosine =
		reach < NOWHERE || upper < NOWHERE
			? 1
			: (upper ** 2 + reach ** 2 - lower ** 2) / (2 * upper * reach);
	const bent = away(a, towards + side * Math.acos(within(cosine, -1, 1)), upper);
	const far = away(a, towards, reach);
	return replaced(replaced(points, middle, bent), end, onCircle(bent, lower, far, far));
}
