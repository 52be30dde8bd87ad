/**
 * What the editor holds and every way to change it, without a page. The value is one text; each change writes it anew, so that
 * undo, the graph and the prompt all see the same.
 */

import { standing } from "./anatomy.js";
import { present } from "./frames.js";
import { turnedPoint } from "./geometry.js";
import { History } from "./history.js";
import { frameAt, frameCount, startOf } from "./interpolation.js";
import { inPose } from "./library.js";
import { writeOpenPose } from "./openpose.js";
import { mapped, mirrored, personOf, withPoints } from "./person.js";
import { copiedSide, dragBoth, dragJoint, restored, straightened, upright } from "./pose.js";
import { PoseTextError, readValue, writeValue } from "./value.js";

/** @import { Point } from "./geometry.js" */
/** @import { Points } from "./pose.js" */
/** @import { Person } from "./person.js" */
/** @import { Canvas, Edit } from "./value.js" */
/** @import { Step } from "./interpolation.js" */

/** @typedef {{start: object[] | null, upstream: string | null, by_hand: boolean}} Run what the block's last run said: the
 *   connected pose on the block's canvas, its fingerprint, and whether the edit counted */
/**
 * @typedef {object} Options
 * @property {(text: string) => void} onText called with the new value after each change made here
 * @property {() => void} onShow called when something is to be drawn anew
 * @property {() => Canvas} fallbackCanvas the canvas when nothing states one
 */

export class EditorState {
  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.text = "";
    /** @type {Edit | null} the edit in `text` */
    this.edit = null;
    /** @type {Run | null} */
    this.run = null;
    /** @type {Edit | null} the connected pose */
    this.start = null;
    this.said = "";
    this.active = 0; // index of the person in hand
    /** @type {Set<number>} joints of the person in hand */
    this.selected = new Set();
    this.frame = 0; // index of the keyframe shown
    this.free = false; // joints move alone, and lengths change
    this.symmetric = false; // the other side does the same in the mirror
    /** @type {number | null} frame of the sequence that playback shows */
    this.played = null;
    this.history = new History("");
  }

  // What is shown.

  /** The edit that counts, or what it would start from. @returns {Edit} */
  shown() {
    const upstream = this.run?.upstream ?? null;
    const edit = this.edit;
    if (edit?.frames.length && (upstream === null || edit.upstream === upstream || edit.foreign)) return edit;
    const kept = { loop: false, rate: edit?.rate ?? 12, library: edit?.library ?? [], upstream, foreign: false };
    if (this.start) return { ...this.start, ...kept };
    const canvas = this.options.fallbackCanvas();
    const somebody = personOf(standing(canvas.width, canvas.height));
    return { canvas, frames: [[somebody]], steps: [{ frames: 1, easing: "linear" }], ...kept };
  }

  /** @returns {Canvas} */
  get canvas() {
    return this.shown().canvas;
  }

  /** Index of the keyframe shown; a text from outside may have fewer than the one before. */
  get index() {
    return Math.min(this.frame, this.shown().frames.length - 1);
  }

  /** The people to draw: of the keyframe in hand, or of the frame that is played. @returns {Person[]} */
  people() {
    const shown = this.shown();
    if (this.played !== null) return frameAt(shown.frames, shown.steps, this.played);
    return shown.frames[this.index] ?? [];
  }

  /** @returns {Person | undefined} the one in hand */
  person() {
    return this.people()[this.active];
  }

  /** The connected pose, to show under the edit. @returns {Person[]} */
  connected() {
    return this.start ? this.start.frames[Math.min(this.index, this.start.frames.length - 1)] : [];
  }

  /** The keyframe before; before the first, the pose as it was before the last change. @returns {Person[]} */
  before() {
    if (this.index > 0) return this.shown().frames[this.index - 1];
    const last = this.history.past.at(-1);
    if (!last) return [];
    try {
      return readValue(last.value, this.options.fallbackCanvas())?.frames[this.index] ?? this.connected();
    } catch (error) {
      if (error instanceof PoseTextError) return [];
      throw error;
    }
  }

  // From outside.

  /** Take a value: a loaded workflow, a paste, the graph's own undo. @param {string} text */
  setText(text) {
    if (text === this.text) return;
    this.text = text;
    this.history.reset(text);
    this.selected.clear();
    this.read();
  }

  /** @param {Run} run */
  setRun(run) {
    this.run = run;
    this.start = run.start ? readValue(JSON.stringify(run.start), this.options.fallbackCanvas()) : null;
    this.show();
  }

  read() {
    this.said = "";
    try {
      this.edit = readValue(this.text, this.options.fallbackCanvas());
    } catch (error) {
      if (!(error instanceof PoseTextError)) throw error;
      this.edit = null;
      this.said = `${error.message}. The text is kept until you change the pose.`;
    }
    this.show();
  }

  show() {
    this.active = Math.max(0, Math.min(this.active, this.people().length - 1));
    const points = this.person()?.points ?? [];
    for (const joint of this.selected) if (!points[joint]) this.selected.delete(joint);
    this.options.onShow();
  }

  /** @param {string} text */
  say(text) {
    this.said = text;
    this.options.onShow();
  }

  // Changes.

  /** @param {string} text @param {unknown} [gesture] */
  commit(text, gesture = undefined) {
    this.played = null;
    this.history.push(text, gesture);
    this.take(text);
  }

  /** @param {string} text */
  take(text) {
    this.text = text;
    this.read();
    this.options.onText(text);
  }

  /** @param {(edit: Edit) => Edit} change @param {unknown} [gesture] consecutive changes of one gesture are undone together */
  change(change, gesture = undefined) {
    const before = this.shown();
    this.commit(writeValue({ ...change(before), upstream: this.run?.upstream ?? before.upstream }), gesture);
  }

  /** Change the people of the keyframe in hand. @param {(people: Person[], canvas: Canvas) => Person[]} change @param {unknown} [gesture] */
  changePeople(change, gesture = undefined) {
    const index = this.index;
    this.change(
      (edit) => ({
        ...edit,
        frames: edit.frames.map((people, at) => (at === index ? change(people, edit.canvas) : people)),
      }),
      gesture,
    );
  }

  /** Change the person in hand. @param {(person: Person, canvas: Canvas) => Person} change @param {unknown} [gesture] */
  changePerson(change, gesture = undefined) {
    this.changePeople(
      (people, canvas) => people.map((person, at) => (at === this.active ? change(person, canvas) : person)),
      gesture,
    );
  }

  /** The same of the joints alone; hands and face go along. @param {(points: Points, canvas: Canvas) => Points} change @param {unknown} [gesture] */
  changePoints(change, gesture = undefined) {
    this.changePerson((person, canvas) => withPoints(person, change(person.points, canvas)), gesture);
  }

  undo() {
    if (this.history.undo()) this.take(this.history.now);
  }

  redo() {
    if (this.history.redo()) this.take(this.history.now);
  }

  // Joints.

  /**
   * Pull a joint, from the person as it was when the gesture began.
   * @param {Person} start @param {number} joint @param {Point} target @param {boolean} alone this joint only @param {unknown} gesture
   */
  pull(start, joint, target, alone, gesture) {
    const drag = this.symmetric ? dragBoth : dragJoint;
    const points = drag(start.points, joint, target, alone || this.free);
    this.changePerson(() => withPoints(start, points), gesture);
  }

  /** Push the selected joints, or one, a little. @param {number} joint @param {Point} by @param {boolean} alone */
  nudge(joint, by, alone) {
    const person = this.person();
    const here = person?.points[joint];
    if (!person || !here) return;
    const gesture = `nudge ${this.active} ${joint}`;
    if (this.selected.size > 1 && this.selected.has(joint)) {
      this.transform(person, [...this.selected], ([x, y]) => [x + by[0], y + by[1]], gesture);
    } else this.pull(person, joint, [here[0] + by[0], here[1] + by[1]], alone, gesture);
  }

  /**
   * Move some joints all alike; of all of them, hands and face too.
   * @param {Person} start @param {number[]} joints @param {(point: Point) => Point} change @param {unknown} [gesture]
   */
  transform(start, joints, change, gesture = undefined) {
    const whole = present(start.points).every((joint) => joints.includes(joint));
    const some = () => start.points.map((point, joint) => (point && joints.includes(joint) ? change(point) : point));
    this.changePerson(() => (whole ? mapped(start, change) : withPoints(start, some())), gesture);
  }

  /** @param {Person} start @param {number[]} joints @param {Point} centre @param {number} angle @param {number} scale @param {unknown} [gesture] */
  turn(start, joints, centre, angle, scale, gesture = undefined) {
    this.transform(start, joints, (point) => turnedPoint(point, centre, angle, scale), gesture);
  }

  /** @param {number[]} joints */
  hide(joints) {
    this.changePoints((points) => points.map((point, joint) => (joints.includes(joint) ? null : point)));
  }

  /** @param {number} joint */
  bringBack(joint) {
    this.changePoints((points, canvas) => restored(points, joint, canvas));
  }

  /** @param {Iterable<number>} joints */
  select(joints) {
    this.selected = new Set(joints);
    this.show();
  }

  selectAll() {
    this.select(present(this.person()?.points ?? []));
  }

  // The person in hand.

  mirror() {
    this.changePerson(mirrored);
  }

  /** @param {"left" | "right"} from */
  copySide(from) {
    this.changePoints((points) => copiedSide(points, from));
  }

  straighten() {
    this.changePoints((points) => straightened(points, [...this.selected]));
  }

  setUpright() {
    this.changePoints(upright);
  }

  stand() {
    this.changePerson((person, { width, height }) => ({ ...personOf(standing(width, height)), rest: person.rest }));
  }

  /** @param {Points} model */
  takePose(model) {
    if (this.person()) this.changePoints((points, canvas) => inPose(points, model, canvas));
    else this.changePeople((people, canvas) => [...people, personOf(inPose([], model, canvas))]);
  }

  /** Put the pose of the person in hand into the workflow's own library. @param {string} name */
  keepPose(name) {
    const points = this.person()?.points;
    if (points) this.change((edit) => ({ ...edit, library: [...edit.library, { name, points }] }));
  }

  /** @param {number} index */
  dropPose(index) {
    this.change((edit) => ({ ...edit, library: edit.library.filter((_, at) => at !== index) }));
  }

  /** Drop the edit: the connected pose again, or somebody who stands. Kept poses stay. */
  reset() {
    const { library } = this.shown();
    this.frame = 0;
    this.commit(library.length ? writeValue({ ...this.shown(), frames: [], steps: [], loop: false, upstream: null }) : "");
  }

  // People.

  addPerson() {
    this.active = this.people().length;
    this.changePeople((people, { width, height }) => {
      const beside = standing(width, height).map((point) => point && [point[0] + width * 0.12 * people.length, point[1]]);
      return [...people, personOf(beside)];
    });
  }

  removePerson() {
    const gone = this.active;
    this.selected.clear();
    this.changePeople((people) => people.filter((_, at) => at !== gone));
  }

  /** @param {number} index */
  takePerson(index) {
    if (index !== this.active) this.selected.clear();
    this.active = index;
    this.show();
  }

  // Keyframes.

  /** A keyframe after this one, alike. */
  addFrame() {
    const index = this.index;
    this.frame = index + 1;
    this.change((edit) => {
      const step = { frames: 12, easing: "smooth" };
      const [frames, steps] = [edit.frames.slice(), edit.steps.slice()];
      // what led to a plain next frame leads to the new one at the usual pace
      if (frames.length === 1) steps[0] = step;
      frames.splice(index + 1, 0, edit.frames[index]);
      steps.splice(index + 1, 0, { ...steps[index] });
      return { ...edit, frames, steps };
    });
  }

  removeFrame() {
    const index = this.index;
    if (this.shown().frames.length < 2) return;
    this.frame = Math.max(0, index - 1);
    this.change((edit) => ({
      ...edit,
      frames: edit.frames.filter((_, at) => at !== index),
      steps: edit.steps.filter((_, at) => at !== index),
    }));
  }

  /** @param {number} by places to the right */
  moveFrame(by) {
    const from = this.index;
    const to = from + by;
    if (to < 0 || to >= this.shown().frames.length) return;
    this.frame = to;
    this.change((edit) => {
      const frames = edit.frames.slice();
      // the poses change places; the timing belongs to the places
      frames.splice(to, 0, ...frames.splice(from, 1));
      return { ...edit, frames };
    });
  }

  /** @param {Partial<Step>} change */
  setStep(change) {
    const index = this.index;
    this.change((edit) => ({
      ...edit,
      steps: edit.steps.map((step, at) => (at === index ? { ...step, ...change } : step)),
    }));
  }

  /** @param {Partial<Pick<Edit, "loop" | "rate">>} change */
  setPlayback(change) {
    this.change((edit) => ({ ...edit, ...change }));
  }

  /** @param {number} index */
  takeFrame(index) {
    this.frame = index;
    this.played = null;
    this.show();
  }

  /** Number of frames that go out, and the one the keyframe in hand stands at. */
  timing() {
    const { steps, loop } = this.shown();
    return { total: frameCount(steps, loop), now: this.played ?? startOf(steps, this.index) };
  }

  /** @param {number | null} frame */
  play(frame) {
    this.played = frame;
    this.show();
  }

  // Files.

  /** Take OpenPose JSON or the editor's own text as a new edit. @param {string} text */
  paste(text) {
    try {
      const edit = readValue(text, this.canvas);
      if (!edit?.frames.length) throw new PoseTextError("there is no pose in it");
      this.frame = 0;
      const library = edit.library.length ? edit.library : this.shown().library;
      this.commit(writeValue({ ...edit, library, upstream: this.run?.upstream ?? null }));
    } catch (error) {
      if (!(error instanceof PoseTextError)) throw error;
      this.say(error.message);
    }
  }

  /** All frames that go out, as OpenPose JSON every pack reads. */
  asOpenPose() {
    const { canvas, frames, steps } = this.shown();
    const all = Array.from({ length: this.timing().total }, (_, number) => frameAt(frames, steps, number));
    return writeOpenPose(all, canvas);
  }
}
