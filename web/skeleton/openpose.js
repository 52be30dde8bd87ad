/**
 * OpenPose JSON as ComfyUI's packs exchange it, read in every form
 * `dptn_core/pose/openpose_json.py` reads and explains.
 */

import { mean, scored, scoreOf, seen } from "./geometry.js";
import { detailsOf, eachPart, mapped } from "./person.js";

/** A text that holds no pose; the message says why. */
export class PoseTextError extends Error {}

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/** What `read` gives; of a text that is no pose, what `otherwise` gives.
 * @template T @param {() => T} read @param {(error: PoseTextError) => T} otherwise */
export function unlessNoPose(read, otherwise) {
	try {
		return read();
	} catch (error) {
		if (error instanceof PoseTextError) return otherwise(error);
		throw error;
	}
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export const isObject = (value) =>
	value !== null && typeof value === "object" && !Array.isArray(value);

const FROM_BODY_25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
const FROM_COCO_17 = [0, null, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3];
const [MAX_SIDE, MAX_COORDINATE] = [32768, 1e6];
const [MAX_NESTING, MAX_KEPT] = [100, 90]; // Python's own limit hangs on its host
const MAX_NORMALISED = 1.5; // canvas sides; beyond the edge is still in fractions
const MIN_NORMALISED_CANVAS = 16;
const FOOT = 3; // points: big toe, small toe and heel

/**
 * How many numbers a part may hold, and how many of them make a point.
 * @type {Record<string, Record<number, number>>}
 */
const LENGTHS = {
	pose: { 54: 3, 75: 3, 51: 3, 36: 2 },
	foot: { 18: 3, 12: 2 },
	hand_left: { 63: 3, 42: 2 },
	hand_right: { 63: 3, 42: 2 },
	face: { 210: 3, 204: 3, 140: 2 },
};
const PART_KEY = /^(pose|foot|hand_left|hand_right|face)_keypoints(_2d)?$/;

/** @param {string} text @returns {unknown} */
export function parsed(text) {
	let document;
	try {
		document = JSON.parse(text);
	} catch (error) {
		throw new PoseTextError(`not valid JSON: ${messageOf(error)}`);
	}
	if (deeper(document, MAX_NESTING)) throw new PoseTextError("the text is nested too deeply");
	return document;
}

/** Do lists and objects nest deeper? @param {unknown} document @param {number} than */
function deeper(document, than) {
	let level = [[document]];
	for (let depth = 0; depth <= than && level.length; depth += 1)
		level = level.flatMap(Object.values).filter((one) => one && typeof one === "object");
	return level.length > 0;
}

/**
 * @param {unknown} document a list of frames, or one
 * @param {Canvas} fallback for frames that state none, if it holds their points
 * @returns {{canvas: Canvas, frames: Person[][]}} all on the first frame's canvas; those of another
 * shape are centred on it
 */
export function readOpenPose(document, fallback) {
	const raw = (Array.isArray(document) ? document : [document]).map(readFrame);
	const bare = raw
		.filter((frame) => !frame.canvas)
		.flatMap((frame) => frame.people.flatMap(everyPoint));
	const stated = raw.find((frame) => frame.canvas)?.canvas;
	const shared = inferred(bare, stated ?? fallback);
	const canvas = raw[0]?.canvas ?? (raw.length ? shared : fallback);
	return {
		canvas,
		frames: raw.map((frame) => onCanvas(frame, frame.canvas ?? shared, canvas)),
	};
}

/**
 * One frame in the form every consumer accepts.
 * @param {Person[]} people @param {Canvas | null} canvas null: the units need no telling
 */
export function writePeople(people, canvas) {
	const points = people.flatMap(everyPoint).map(rounded);
	const guessed =
		canvas !== null &&
		(lookNormalised(points, canvas) || points.some(([x, y]) => x === -1 && y === -1));
	return {
		people: people.map(({ points, parts, rest }) => ({
			...rest,
			pose_keypoints_2d: flat(points),
			...writeParts(parts),
		})),
		...(guessed && { coordinates: "pixels" }),
	};
}

/** @param {Parts} parts */
function writeParts({ handLeft, handRight, face, footLeft, footRight }) {
	const no = new Array(FOOT).fill(null);
	const feet = (footLeft ?? footRight) && [...(footLeft ?? no), ...(footRight ?? no)];
	return {
		...(face && { face_keypoints_2d: flat(face) }),
		...(handLeft && { hand_left_keypoints_2d: flat(handLeft) }),
		...(handRight && { hand_right_keypoints_2d: flat(handRight) }),
		...(feet && { foot_keypoints_2d: flat(feet) }),
	};
}

/** A file that every pack reads. @param {Person[][]} frames @param {Canvas} canvas */
export function writeOpenPose(frames, canvas) {
	const zeros = (/** @type {number} */ count) => new Array(count).fill(0);
	const empty = {
		hand_left_keypoints_2d: zeros(63),
		hand_right_keypoints_2d: zeros(63),
		face_keypoints_2d: zeros(210),
	};
	const document = frames.map((frame) => {
		const { people, ...units } = writePeople(frame, canvas);
		const whole = people.map((person) => ({ ...empty, ...person }));
		return { people: whole, canvas_width: canvas.width, canvas_height: canvas.height, ...units };
	});
	return JSON.stringify(document);
}

/**
 * A hundredth of a pixel is below what anybody means.
 * @param {Point} point @returns {[number, number]}
 */
const rounded = ([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100];

/** @param {Points} points */
const flat = (points) =>
	points.flatMap((point) => (point ? [...rounded(point), scoreOf(point)] : [0, 0, 0]));

/** @param {unknown} frame @returns {RawFrame} */
function readFrame(frame) {
	if (!isObject(frame)) throw new PoseTextError("expected OpenPose JSON: an object with people");
	const exact = frame.coordinates === "pixels";
	const people = frame.people ?? [];
	if (!Array.isArray(people)) throw new PoseTextError("people must be a list");
	return { people: people.map((one) => readPerson(one, exact)), exact, canvas: readCanvas(frame) };
}

/** @param {Record<string, unknown>} frame */
function readCanvas(frame) {
	const sides = [frame.canvas_width ?? null, frame.canvas_height ?? null];
	if (sides.every((side) => side === null)) return null;
	const [width, height] = sides.map((side) => {
		if (Number.isInteger(side) && Number(side) >= 1 && Number(side) <= MAX_SIDE)
			return Number(side);
		throw new PoseTextError(
			`canvas_width and canvas_height must be whole numbers from 1 to ${MAX_SIDE}`,
		);
	});
	return { width, height };
}

/** @param {unknown} person @param {boolean} exact @returns {Person} */
function readPerson(person, exact) {
	if (!isObject(person)) throw new PoseTextError("a person must be an object");
	const part = (/** @type {string} */ name) => {
		const [key, oldKey] = [`${name}_keypoints_2d`, `${name}_keypoints`];
		const used = (person[key] ?? null) === null ? oldKey : key;
		return readPoints(person[used], used, LENGTHS[name], exact);
	};
	const rest = Object.fromEntries(
		Object.entries(person).filter(([key, one]) => !PART_KEY.test(key) && !deeper(one, MAX_KEPT)),
	);
	const [face, feet] = [part("face"), part("foot")];
	const parts = {
		handLeft: part("hand_left"),
		handRight: part("hand_right"),
		face: face && [...face, ...new Array(70 - face.length).fill(null)],
		footLeft: feet?.slice(0, FOOT) ?? null,
		footRight: feet?.slice(FOOT) ?? null,
	};
	const points = part("pose") ?? new Array(18).fill(null);
	return { points, parts, rest };
}

/** @param {unknown} values @param {string} key @param {Record<number, number>} lengths
 * @param {boolean} exact @returns {Points | null} */
function readPoints(values, key, lengths, exact) {
	if (values === null || values === undefined) return null;
	if (!Array.isArray(values)) throw new PoseTextError(`${key} must be a list of numbers`);
	if (!values.length) return null;
	const each = lengths[values.length];
	if (!each)
		throw new PoseTextError(
			`${key} must hold ${Object.keys(lengths).join(" or ")} numbers, got ${values.length}`,
		);
	const wrong = values.find(
		(value) => value !== null && !(typeof value === "number" && Math.abs(value) <= MAX_COORDINATE),
	);
	if (wrong !== undefined)
		throw new PoseTextError(
			`${key}: expected coordinates, got ${JSON.stringify(wrong)?.slice(0, 40)}`,
		);
	return Array.from({ length: values.length / each }, (_, index) => {
		const [x, y, score = Number(x !== 0 || y !== 0)] = values.slice(
			index * each,
			(index + 1) * each,
		);
		const missing = x === null || y === null || !(score > 0) || (!exact && x === -1 && y === -1);
		return missing ? null : scored([x, y], score);
	});
}

/** @param {Points} body @returns {Points} */
function to18(body) {
	if (body.length === 25) return FROM_BODY_25.map((index) => body[index]);
	if (body.length !== 17) return body;
	const shoulders = seen([body[5], body[6]]);
	const neck =
		shoulders.length === 2 ? scored(mean(shoulders), Math.min(...shoulders.map(scoreOf))) : null;
	return FROM_COCO_17.map((index) => (index === null ? neck : body[index]));
}

/** @param {Person} person */
const everyPoint = ({ points, parts }) => [...seen(points), ...detailsOf(parts)];

/** @param {Point[]} points @param {Canvas} likely @returns {Canvas} */
function inferred(points, likely) {
	if (points.every(([x, y]) => x < likely.width && y < likely.height)) return likely;
	if (within(points, 1)) return { width: 1, height: 1 };
	const [width, height] = [0, 1].map((axis) =>
		points.reduce((most, point) => Math.max(most, Math.floor(point[axis]) + 1), 1),
	);
	if (Math.max(width, height) > MAX_SIDE)
		throw new PoseTextError("the pose states no canvas, and its points reach too far for one");
	return { width, height };
}

/** @param {Point[]} points @param {number} far from zero */
const within = (points, far) => points.every((point) => point.every((one) => Math.abs(one) <= far));

/** In fractions of the canvas? @param {Point[]} points @param {Canvas} canvas */
function lookNormalised(points, canvas) {
	if (Math.max(canvas.width, canvas.height) < MIN_NORMALISED_CANVAS) return false;
	if (!points.some(([x, y]) => x !== 0 || y !== 0)) return false;
	return within(points, MAX_NORMALISED);
}

/** A frame's people in pixels of a canvas, brought to another.
 * @param {RawFrame} frame @param {Canvas} own @param {Canvas} canvas */
function onCanvas({ people, exact }, own, canvas) {
	const fractions = !exact && lookNormalised(people.flatMap(everyPoint), own);
	// without the points a detector had marked by -1 before it divided by the size
	/** @type {(point: Point) => Point | null} */
	const inPixels = ([x, y]) => (x < 0 && y < 0 ? null : [x * own.width, y * own.height]);
	const all = people
		.map((person) => (fractions ? mapped(person, inPixels) : person))
		.map(({ points, parts, rest }) => ({
			points: to18(points),
			parts: eachPart(parts, (each) => (seen(each).length ? each : null)),
			rest,
		}));
	const brought = fitted(all, own, canvas);
	if (!within(brought.flatMap(everyPoint), MAX_COORDINATE))
		throw new PoseTextError("points of the pose lie too far from its canvas");
	return brought;
}

/** People on another canvas, scaled alike both ways and centred.
 * @param {Person[]} people @param {Canvas} own @param {Canvas} canvas */
export function fitted(people, own, canvas) {
	if (own.width === canvas.width && own.height === canvas.height) return people;
	const scale = Math.min(canvas.width / own.width, canvas.height / own.height);
	const left = (canvas.width - own.width * scale) / 2;
	const top = (canvas.height - own.height * scale) / 2;
	return people.map((person) => mapped(person, ([x, y]) => [x * scale + left, y * scale + top]));
}
