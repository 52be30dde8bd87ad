/**
 * The editor's value: one versioned JSON text, as `dptn_core/pose/edited.py` reads, writes and
 * explains it. Beyond that it holds the kept poses (`library`) and the speed of playback (`rate`).
 */

import { seen } from "./geometry.js";
import { EASINGS, frameCount, MAX_FRAMES } from "./interpolation.js";
import {
	isObject,
	PoseTextError,
	parsed,
	readOpenPose,
	unlessNoPose,
	writePeople,
} from "./openpose.js";
import { keptPose, NO_PARTS } from "./person.js";

export { PoseTextError, unlessNoPose };

export const VERSION = 2;
export const RATES = [4, 8, 12, 16, 24, 30];
const RATE = 12;

/** @typedef {Record<string, unknown>} Document */

/**
 * From each older version to the next one.
 * @type {Record<number, (document: Document) => Document>}
 */
const MIGRATIONS = { 1: (document) => ({ ...document, version: 2, loop: false }) };

/** The step of a keyframe that states none. @type {Step} */
export const AT_ONCE = { duration: 1, easing: "linear" };

/**
 * @param {string} text @param {Canvas} fallback the canvas of poses that state none
 * @returns {Edit | null} null for an empty text
 */
export function readValue(text, fallback) {
	if (!text.trim()) return null;
	const document = parsed(text);
	// OpenPose's own files state a version as well, and have people in the place of frames
	if (isObject(document) && "version" in document && !("people" in document))
		return readOwn(ofThisVersion(document), fallback);
	const edit = notTooLong(openEdit(document, fallback));
	return Object.keys(/** @type {object} */ (document)).length ? edit : null;
}

/** OpenPose JSON as an edit. @param {unknown} document @param {Canvas} fallback @returns {Edit} */
export function openEdit(document, fallback) {
	const { canvas, frames } = readOpenPose(document, fallback);
	return {
		canvas,
		frames,
		steps: frames.map(() => AT_ONCE),
		loop: false,
		rate: RATE,
		upstream: null,
		keep: false,
		library: [],
		foreign: true,
	};
}

/** @param {Edit} edit */
function notTooLong(edit) {
	if (frameCount(edit.steps, edit.loop) <= MAX_FRAMES) return edit;
	throw new PoseTextError(`the sequence is longer than ${MAX_FRAMES} frames`);
}

/** @param {Edit} edit */
export function writeValue({ canvas, upstream, keep, loop, rate, frames, steps, library }) {
	return JSON.stringify({
		version: VERSION,
		canvas_width: canvas.width,
		canvas_height: canvas.height,
		upstream,
		...(keep && { keep_edit: true }),
		loop,
		rate,
		frames: frames.map((people, index) => ({
			...writePeople(people, canvas),
			steps: steps[index].duration,
			easing: steps[index].easing,
		})),
		...(library.length && { library: library.map(writeKept) }),
	});
}

/** @param {Document} document */
function ofThisVersion(document) {
	let { version } = document;
	const known = Number.isInteger(version) && Object.hasOwn(MIGRATIONS, Number(version));
	if (version !== VERSION && !known) {
		const shown = JSON.stringify(version)?.slice(0, 40);
		throw new PoseTextError(
			`the pose has version ${shown}; this editor reads versions 1 to ${VERSION}`,
		);
	}
	for (; version !== VERSION; { version } = document)
		document = MIGRATIONS[Number(version)](document);
	return document;
}

/** @param {Document} document @param {Canvas} fallback @returns {Edit} */
function readOwn(document, fallback) {
	const { frames: keyframes, loop = false, rate, upstream = null, keep_edit, library } = document;
	if (!Array.isArray(keyframes)) throw new PoseTextError("frames of the pose must be a list");
	// what the document says of the canvas goes before what its frames say
	const size = Object.fromEntries(
		Object.entries(document).filter(([key, one]) => key.startsWith("canvas_") && one !== null),
	);
	const complete = keyframes.map((frame) => (isObject(frame) ? { ...frame, ...size } : frame));
	const edit = openEdit(complete.length ? complete : size, fallback);
	const steps = keyframes.map(readStep);
	// what the node would refuse is not shown as if it counted
	if (typeof loop !== "boolean") throw new PoseTextError("loop of the pose must be true or false");
	if (upstream !== null && typeof upstream !== "string")
		throw new PoseTextError("upstream of the pose must be a string or null");
	if (keep_edit !== undefined && typeof keep_edit !== "boolean")
		throw new PoseTextError("keep_edit of the pose must be true or false");
	return notTooLong({
		...edit,
		frames: keyframes.length ? edit.frames : [],
		steps,
		loop,
		rate: RATES.find((one) => one === rate) ?? RATE,
		upstream,
		keep: keep_edit === true,
		library: Array.isArray(library) ? library.flatMap(readKept) : [],
		foreign: false,
	});
}

/** @param {unknown} frame @param {number} index @returns {Step} */
function readStep(frame, index) {
	const { steps = 1, easing = "linear" } = isObject(frame) ? frame : {};
	const duration = Number.isInteger(steps) ? Number(steps) : 0;
	if (
		duration >= 1 &&
		duration <= MAX_FRAMES &&
		typeof easing === "string" &&
		Object.hasOwn(EASINGS, easing)
	)
		return { duration, easing };
	throw new PoseTextError(
		`frame ${index}: steps must be 1 to ${MAX_FRAMES}, easing one of ${Object.keys(EASINGS)}`,
	);
}

/** @param {KeptPose} kept */
export function writeKept({ name, points, parts = NO_PARTS }) {
	const [person] = writePeople([{ points, parts, rest: {} }], null).people;
	return { name, ...person };
}

/**
 * A kept pose, or nothing where it is damaged: that must not cost the edit.
 * @param {unknown} kept @returns {KeptPose[]}
 */
export const readKept = (kept) =>
	unlessNoPose(
		() => {
			if (!isObject(kept)) return [];
			const document = { people: [kept], coordinates: "pixels" };
			const [[{ points, parts }]] = readOpenPose(document, { width: 1, height: 1 }).frames;
			const name = typeof kept.name === "string" ? kept.name : "pose";
			return seen(points).length ? [keptPose(name.slice(0, 60), { points, parts })] : [];
		},
		() => [],
	);
