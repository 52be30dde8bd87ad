/**
 * The editor's value: one versioned JSON text, the same as `dptn_core/pose/edited.py` reads and writes. Hands and faces
 * travel along unchanged; OpenPose JSON of other producers is understood in its common forms.
 */

export const VERSION = 1;

/**
 * @typedef {{points: import("./pose.js").Points, rest: Object<string, unknown>}} Person
 * @typedef {{width: number, height: number}} Canvas
 * @typedef {{canvas: Canvas, frames: Person[][], upstream: string | null, ours: boolean}} Edit `ours`: the editor's own
 *   form, not OpenPose JSON in its place
 */

/** Said in words when a text is no pose. */
export class PoseTextError extends Error {}

const FROM_BODY_25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
const FROM_COCO_17 = [0, null, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3];

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
  const ours = object && "version" in document && !("people" in document);
  if (ours && document.version !== VERSION) {
    throw new PoseTextError(`the pose has version ${document.version}; this editor reads version ${VERSION}`);
  }
  const pictures = ours ? document.frames : Array.isArray(document) ? document : [document];
  if (!Array.isArray(pictures) || !pictures.every((picture) => picture !== null && typeof picture === "object")) {
    throw new PoseTextError("this is no pose data: a list of frames with people in them is wanted");
  }
  if (!pictures.length) return null;
  const size = ours ? document : pictures[0];
  const stated = size.canvas_width > 0 && size.canvas_height > 0;
  const canvas = stated ? { width: size.canvas_width, height: size.canvas_height } : fallback;
  return {
    canvas,
    frames: pictures.map((picture) => readPeople(picture, canvas)),
    upstream: ours && typeof document.upstream === "string" ? document.upstream : null,
    ours,
  };
}

/** @param {Edit} edit @returns {string} */
export function writeValue(edit) {
  return JSON.stringify({
    version: VERSION,
    canvas_width: edit.canvas.width,
    canvas_height: edit.canvas.height,
    upstream: edit.upstream,
    frames: edit.frames.map((people) => ({ people: people.map(writePerson) })),
  });
}

/** OpenPose JSON that every pack reads. @param {Edit} edit @returns {string} */
export function writeOpenPose(edit) {
  const frames = edit.frames.map((people) => ({
    people: people.map((person) => ({
      hand_left_keypoints_2d: new Array(63).fill(0),
      hand_right_keypoints_2d: new Array(63).fill(0),
      face_keypoints_2d: new Array(210).fill(0),
      ...writePerson(person),
    })),
    canvas_width: edit.canvas.width,
    canvas_height: edit.canvas.height,
  }));
  return JSON.stringify(frames, null, 1);
}

function writePerson(person) {
  const body = person.points.flatMap((point) => (point ? [round(point[0]), round(point[1]), 1] : [0, 0, 0]));
  return { ...person.rest, pose_keypoints_2d: body };
}

/** Hundredths of a pixel are finer than anybody means, and keep the text short. */
function round(value) {
  return Math.round(value * 100) / 100;
}

function readPeople(picture, canvas) {
  const people = Array.isArray(picture.people) ? picture.people : [];
  const read = people.map((person) => ({ points: readBody(person?.pose_keypoints_2d ?? person?.pose_keypoints), person }));
  const values = read.flatMap(({ points }) => points.filter((point) => point !== null).flat());
  // producers write pixels or shares of the canvas; shares never exceed 1
  const shares = values.length > 0 && values.every((value) => Math.abs(value) <= 1) && canvas.width > 16;
  return read.map(({ points, person }) => {
    const { pose_keypoints_2d: _, pose_keypoints: __, ...rest } = person ?? {};
    return { points: shares ? points.map((p) => p && [p[0] * canvas.width, p[1] * canvas.height]) : points, rest };
  });
}

/** 18 points of a flat list of a known length. */
function readBody(flat) {
  const empty = new Array(18).fill(null);
  if (flat === null || flat === undefined || flat.length === 0) return empty;
  const layout = { 54: null, 36: null, 75: FROM_BODY_25, 51: FROM_COCO_17 }[flat.length];
  if (layout === undefined || !flat.every((value) => value === null || Number.isFinite(value))) {
    throw new PoseTextError(`pose_keypoints_2d holds ${flat.length} values; 54 numbers are wanted (or 75, 51, 36)`);
  }
  const each = flat.length === 36 ? 2 : 3;
  const point = (index) => {
    const [x, y, c] = [flat[index * each], flat[index * each + 1], each === 3 ? flat[index * each + 2] : 1];
    const missing = x === null || y === null || !(c > 0) || (x === 0 && y === 0) || (x < 0 && y < 0);
    return missing ? null : [x, y];
  };
  return empty.map((_, joint) => {
    const index = layout ? layout[joint] : joint;
    if (index !== null) return point(index);
    const [left, right] = [point(5), point(6)];
    return left && right ? [(left[0] + right[0]) / 2, (left[1] + right[1]) / 2] : null;
  });
}
