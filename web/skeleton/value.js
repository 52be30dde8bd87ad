/**
 * The editor's value: one versioned JSON text, as `dptn_core/pose/edited.py` reads and writes it and explains it. Beyond what
 * Python reads it keeps the poses a person has put by (`library`) and the speed of playback (`rate`).
 */

import { EASINGS, frameCount, MOST_FRAMES } from "./interpolation.js";
import { isObject, PoseTextError, readOpenPose, unlessNoPose, writePeople } from "./openpose.js";
import { personOf } from "./person.js";

export { PoseTextError, unlessNoPose };

export const VERSION = 2;
export const RATES = [4, 8, 12, 16, 24, 30];
const RATE = 12;

/** From each older version to the next one. @type {Record<number, (document: any) => any>} */
const MIGRATIONS = { 1: (document) => ({ ...document, version: 2, loop: false }) };

/** Of a keyframe nothing is said about. @type {Step} */
export const AT_ONCE = { frames: 1, easing: "linear" };

/**
 * @param {string} text @param {Canvas} fallback the canvas of poses that state none
 * @returns {Edit | null} null for an empty text
 */
export function readValue(text, fallback) {
	if (!text.trim()) return null;
	let document;
	try {
		document = JSON.parse(text);
	} catch (error) {
		throw new PoseTextError(`this is no JSON: ${/** @type {Error} */ (error).message}`);
	}
	// OpenPose's own files state a version as well, and have people in the place of frames
	if (isObject(document) && "version" in document && !("people" in document))
		return readOwn(ofThisVersion(document), fallback);
	const { canvas, frames } = readOpenPose(document, fallback);
	if (!Object.keys(document).length) return null;
	const steps = frames.map(() => AT_ONCE);
	return {
		canvas,
		frames,
		steps,
		loop: false,
		rate: RATE,
		upstream: null,
		library: [],
		foreign: true,
	};
}

/** @param {Edit} edit */
export function writeValue({ canvas, upstream, loop, rate, frames, steps, library }) {
	return JSON.stringify({
		version: VERSION,
		canvas_width: canvas.width,
		canvas_height: canvas.height,
		upstream,
		loop,
		rate,
		frames: frames.map((people, index) => ({
			...writePeople(people, canvas),
			steps: steps[index].frames,
			easing: steps[index].easing,
		})),
		...(library.length && { library: library.map(writeKept) }),
	});
}

/** @type {(document: Record<string, any>) => Record<string, any>} */
function ofThisVersion(document) {
	const { version } = document;
	if (version !== VERSION && !(Number.isInteger(version) && Object.hasOwn(MIGRATIONS, version))) {
		const said = JSON.stringify(version)?.slice(0, 40);
		throw new PoseTextError(
			`the pose has version ${said}; this editor reads versions 1 to ${VERSION}`,
		);
	}
	while (document.version !== VERSION) document = MIGRATIONS[document.version](document);
	return document;
}

/** @type {(document: Record<string, any>, fallback: Canvas) => Edit} */
function readOwn(
	{ canvas_width, canvas_height, frames: pictures, loop, rate, upstream, library },
	fallback,
) {
	if (!Array.isArray(pictures)) throw new PoseTextError("frames of the pose must be a list");
	const size = { canvas_width, canvas_height };
	const complete = pictures.map((picture) =>
		isObject(picture) ? { ...picture, ...size } : picture,
	);
	const { canvas, frames } = readOpenPose(complete.length ? complete : size, fallback);
	const steps = pictures.map(readStep);
	// what the block would refuse is not shown as if it counted
	if (![undefined, true, false].includes(loop))
		throw new PoseTextError("loop of the pose must be true or false");
	if (typeof (upstream ?? "") !== "string")
		throw new PoseTextError("upstream of the pose must be a text or null");
	if (frameCount(steps, loop === true) > MOST_FRAMES) {
		throw new PoseTextError(`the sequence is longer than ${MOST_FRAMES} frames`);
	}
	return {
		canvas,
		frames: pictures.length ? frames : [],
		steps,
		loop: loop === true,
		rate: RATES.includes(rate) ? rate : RATE,
		upstream: upstream ?? null,
		library: Array.isArray(library) ? library.flatMap(readKept) : [],
		foreign: false,
	};
}

/** @type {(frame: any, index: number) => Step} */
function readStep(frame, index) {
	const { steps = 1, easing = "linear" } = frame ?? {};
	const known = typeof easing === "string" && Object.hasOwn(EASINGS, easing);
	if (!known || !Number.isInteger(steps) || steps < 1 || steps > MOST_FRAMES) {
		throw new PoseTextError(
			`frame ${index}: "steps" must be 1 to ${MOST_FRAMES} and "easing" one of ${Object.keys(EASINGS)}`,
		);
	}
	return { frames: steps, easing };
}

/** @param {KeptPose} kept */
function writeKept({ name, points }) {
	const [{ pose_keypoints_2d }] = writePeople([personOf(points)], null).people;
	return { name, pose_keypoints_2d };
}

/** A kept pose, or nothing where it is none: a broken one must not cost the edit. @type {(kept: any) => KeptPose[]} */
const readKept = (kept) =>
	unlessNoPose(
		() => {
			const { frames } = readOpenPose(
				{ people: [kept], coordinates: "pixels" },
				{ width: 1, height: 1 },
			);
			const [{ points }] = frames[0];
			return points.some((point) => point)
				? [{ name: (typeof kept.name === "string" ? kept.name : "pose").slice(0, 60), points }]
				: [];
		},
		() => [],
	);
