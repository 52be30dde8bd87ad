/**
 * The editor's value: one versioned JSON text, as `dptn_core/pose/edited.py` reads and writes it and explains it. Beyond what
 * Python reads it keeps the poses a person has put by (`library`) and the speed of playback (`rate`).
 */

import { EASINGS, MOST_FRAMES, frameCount } from "./interpolation.js";
import { PoseTextError, readOpenPose, writePeople } from "./openpose.js";
import { personOf } from "./person.js";

/** @import { Person } from "./person.js" */
/** @import { Step } from "./interpolation.js" */
/** @import { Points } from "./pose.js" */

export { PoseTextError };

/** @typedef {{width: number, height: number}} Canvas */
/** @typedef {{name: string, points: Points}} KeptPose in pixels of any canvas */
/**
 * @typedef {object} Edit
 * @property {Canvas} canvas
 * @property {Person[][]} frames keyframes; none: nothing is edited, only poses are kept
 * @property {Step[]} steps one for each keyframe
 * @property {boolean} loop
 * @property {number} rate frames a second of the playback
 * @property {string | null} upstream
 * @property {KeptPose[]} library
 * @property {boolean} foreign OpenPose JSON in place of the editor's own form
 */

export const VERSION = 2;
export const RATES = [4, 8, 12, 16, 24, 30];
const RATE = 12;

/** From each older version to the next one. @type {Record<number, (document: any) => any>} */
const MIGRATIONS = {
  1: (document) => ({ ...document, version: 2, loop: false }),
};

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
    throw new PoseTextError(`this is no JSON: ${error.message}`);
  }
  const object = document !== null && typeof document === "object" && !Array.isArray(document);
  // OpenPose's own files state a version as well, and have people in the place of frames
  if (object && "version" in document && !("people" in document)) return readOwn(ofThisVersion(document), fallback);
  const { canvas, frames } = readOpenPose(document, fallback);
  if (!frames.length) return null;
  const steps = frames.map(() => ({ frames: 1, easing: "linear" }));
  return { canvas, frames, steps, loop: false, rate: RATE, upstream: null, library: [], foreign: true };
}

/** @param {Edit} edit @returns {string} */
export function writeValue(edit) {
  return JSON.stringify({
    version: VERSION,
    canvas_width: edit.canvas.width,
    canvas_height: edit.canvas.height,
    upstream: edit.upstream,
    loop: edit.loop,
    rate: edit.rate,
    frames: edit.frames.map((people, index) => ({
      ...writePeople(people, edit.canvas),
      steps: edit.steps[index].frames,
      easing: edit.steps[index].easing,
    })),
    ...(edit.library.length ? { library: edit.library.map(writeKept) } : {}),
  });
}

/** @param {any} document */
function ofThisVersion(document) {
  if (!(document.version === VERSION || (Number.isInteger(document.version) && Object.hasOwn(MIGRATIONS, document.version)))) {
    const version = String(document.version).slice(0, 40);
    throw new PoseTextError(`the pose has version ${version}; this editor reads versions 1 to ${VERSION}`);
  }
  while (document.version !== VERSION) document = MIGRATIONS[document.version](document);
  return document;
}

/** @param {any} document @param {Canvas} fallback @returns {Edit} */
function readOwn(document, fallback) {
  if (!Array.isArray(document.frames)) throw new PoseTextError("frames of the pose must be a list");
  const size = { canvas_width: document.canvas_width, canvas_height: document.canvas_height };
  const pictures = document.frames.map((/** @type {any} */ frame) =>
    frame !== null && typeof frame === "object" ? { ...frame, ...size } : frame,
  );
  const { canvas, frames } = readOpenPose(pictures.length ? pictures : [{ ...size }], fallback);
  const steps = document.frames.map(readStep);
  if (frameCount(steps, document.loop === true) > MOST_FRAMES) {
    throw new PoseTextError(`the sequence is longer than ${MOST_FRAMES} frames`);
  }
  return {
    canvas,
    frames: pictures.length ? frames : [],
    steps,
    loop: document.loop === true,
    rate: RATES.includes(document.rate) ? document.rate : RATE,
    upstream: typeof document.upstream === "string" ? document.upstream : null,
    library: Array.isArray(document.library) ? document.library.flatMap(readKept) : [],
    foreign: false,
  };
}

/** @param {any} frame @param {number} index @returns {Step} */
function readStep(frame, index) {
  const { steps = 1, easing = "linear" } = frame ?? {};
  if (!Number.isInteger(steps) || steps < 1 || steps > MOST_FRAMES || !Object.hasOwn(EASINGS, easing)) {
    throw new PoseTextError(`frame ${index}: "steps" must be 1 to ${MOST_FRAMES} and "easing" one of ${Object.keys(EASINGS)}`);
  }
  return { frames: steps, easing };
}

/** @param {KeptPose} pose */
function writeKept(pose) {
  const [{ pose_keypoints_2d }] = writePeople([personOf(pose.points)], null).people;
  return { name: pose.name, pose_keypoints_2d };
}

/** A kept pose, or nothing where it is none: a broken one must not cost the edit. @param {any} kept @returns {KeptPose[]} */
function readKept(kept) {
  try {
    const { frames } = readOpenPose({ people: [kept], coordinates: "pixels" }, { width: 1, height: 1 });
    const points = frames[0][0].points;
    return points.some((point) => point) ? [{ name: String(kept.name ?? "pose").slice(0, 60), points }] : [];
  } catch (error) {
    if (error instanceof PoseTextError) return [];
    throw error;
  }
}
