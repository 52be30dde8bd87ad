/** Where a pose is seen and pulled about: the canvas with everything on it, zoom and pan, and what hands do there. */

import { JOINTS, jointColour } from "./anatomy.js";
import { present } from "./frames.js";
import { boxOf, direction, distance } from "./geometry.js";
import { limbs } from "./figure.js";
import { svg } from "./page.js";
import { problems } from "./pose.js";

/** @import { Point } from "./geometry.js" */
/** @import { EditorState } from "./state.js" */
/** @import { Person } from "./person.js" */

/**
 * @typedef {object} Gesture what one pointer does from down to up
 * @property {(event: PointerEvent) => void} move
 * @property {(() => void)} [end]
 * @property {(() => void)} [cancel] a second finger came: it was no pull
 */

const MARGIN = 0.06; // of the canvas, around it, so that joints at its edge can be taken hold of
const [SMALLEST_ZOOM, LARGEST_ZOOM] = [0.2, 12];
const REACH = { mouse: 9, pen: 14, touch: 24 }; // screen pixels from a joint at which it is still taken
const DOUBLE = 350; // milliseconds between two presses that are one double press
/** @type {Gesture} */
const NOTHING = { move: () => {} };
const HANDLES = 0.04; // of the larger side, between a selection and its handles

export class Stage {
  /** @param {EditorState} state @param {{onRelease?: () => void}} options `onRelease`: called when a pull has ended */
  constructor(state, options = {}) {
    this.state = state;
    this.options = options;
    this.view = { zoom: 1, x: 0, y: 0 };
    /** @type {string | null} */
    this.background = null;
    this.look = { background: 0.6, connected: false, before: false };
    /** @type {{left: number, top: number, right: number, bottom: number} | null} the box being drawn around joints */
    this.marquee = null;
    /** @type {Map<number, PointerEvent>} where each pointer is that is down */
    this.pointers = new Map();
    /** @type {Gesture | null} */
    this.gesture = null;
    this.panning = false; // the space bar is down
    this.pressed = { joint: "", time: 0 }; // the last press on a joint, to tell double ones: the page's own event needs
    // an element that stays, and each change draws all of them anew
    this.element = svg("svg", { role: "group", "aria-label": "Skeleton editor", class: "stage", tabindex: 0 });
    this.element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    // Before anybody else: some front ends start to drag the node from a listener further up, in the capturing phase.
    this.listeners = {
      pointerdown: (/** @type {PointerEvent} */ event) => this.down(event),
      pointermove: (/** @type {PointerEvent} */ event) => this.moved(event),
      pointerup: (/** @type {PointerEvent} */ event) => this.up(event),
      pointercancel: (/** @type {PointerEvent} */ event) => this.up(event),
    };
    for (const [kind, listener] of Object.entries(this.listeners)) {
      window.addEventListener(kind, listener, true);
    }
  }

  /** Listen no more; the element is gone. */
  dispose() {
    for (const [kind, listener] of Object.entries(this.listeners)) {
      window.removeEventListener(kind, listener, true);
    }
  }

  // Drawing.

  fit() {
    this.view = { zoom: 1, x: 0, y: 0 };
    this.render();
  }

  /** @param {number} factor */
  zoomBy(factor) {
    const zoom = Math.min(LARGEST_ZOOM, Math.max(SMALLEST_ZOOM, this.view.zoom * factor));
    const { width, height } = this.whole();
    const shift = (1 / this.view.zoom - 1 / zoom) / 2; // about the middle of the view
    this.view = { zoom, x: this.view.x + width * shift, y: this.view.y + height * shift };
    this.render();
  }

  /** What is seen at zoom 1: the canvas, a margin, and joints beyond. */
  whole() {
    const { width, height } = this.state.canvas;
    const margin = MARGIN * Math.max(width, height);
    const reach = 2 * Math.max(width, height); // a joint lost in the distance must not make everything tiny
    const points = this.state.people().flatMap((person) => person.points.filter((point) => point !== null));
    const near = points.filter(([x, y]) => x > -reach && y > -reach && x < width + reach && y < height + reach);
    const box = boxOf([[0, 0], [width, height], ...(this.gesture ? [] : near)]);
    const steady = this.gesture ? this.seen : box;
    this.seen = steady ?? box;
    const { left, top, right, bottom } = this.seen;
    return { left: left - margin, top: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin };
  }

  render() {
    const { state } = this;
    const { canvas } = state;
    const people = state.people();
    const whole = this.whole();
    const [width, height] = [whole.width / this.view.zoom, whole.height / this.view.zoom];
    this.element.setAttribute("viewBox", `${whole.left + this.view.x} ${whole.top + this.view.y} ${width} ${height}`);
    const unit = Math.max(width, height) / 100;
    /** @type {SVGElement[]} */
    const parts = [svg("rect", { x: 0, y: 0, width: canvas.width, height: canvas.height, fill: "#000", class: "canvas" })];
    if (this.background && this.look.background > 0) {
      parts.push(
        svg("image", {
          href: this.background, x: 0, y: 0, width: canvas.width, height: canvas.height, opacity: this.look.background,
          preserveAspectRatio: "none", "pointer-events": "none", class: "background",
        }),
      );
    }
    const dim = { "stroke-width": unit * 0.9, "stroke-opacity": 0.35, "pointer-events": "none" };
    if (this.look.connected) parts.push(...state.connected().flatMap((person) => limbs(person.points, { ...dim, stroke: "#fff", class: "connected" })));
    if (this.look.before) {
      const dashes = `${unit} ${unit * 1.4}`;
      parts.push(...state.before().flatMap((person) => limbs(person.points, { ...dim, class: "before", "stroke-dasharray": dashes })));
    }
    people.forEach((_, index) => parts.push(...this.figure(index, unit)));
    if (state.played === null) parts.push(...this.handles(unit));
    if (this.marquee) {
      const { left, top, right, bottom } = this.marquee;
      parts.push(
        svg("rect", {
          x: left, y: top, width: right - left, height: bottom - top, class: "marquee", fill: "#fff", "fill-opacity": 0.08,
          stroke: "#fff", "stroke-width": unit * 0.2, "stroke-dasharray": unit,
        }),
      );
    }
    const focused = (this.element.querySelector(":focus"))?.dataset.joint;
    this.element.replaceChildren(...parts);
    if (focused !== undefined) this.focus(Number(focused));
  }

  /** @param {number} joint of the person in hand */
  focus(joint) {
    const circle = this.element.querySelector(`circle[data-person="${this.state.active}"][data-joint="${joint}"]`);
    circle?.focus();
  }

  /** @param {number} index @param {number} unit @returns {SVGElement[]} */
  figure(index, unit) {
    const { state } = this;
    const { points, parts } = state.people()[index];
    const inHand = index === state.active && state.played === null;
    const opacity = inHand || state.played !== null ? 1 : 0.55;
    const wrong = new Set(problems(points, state.canvas).flatMap((problem) => problem.joints));
    const lines = limbs(points, { class: "limb", "stroke-width": unit, "stroke-opacity": 0.65 * opacity, "data-person": index });
    const dots = [parts.handLeft, parts.handRight, parts.face].flatMap((part) =>
      (part ?? []).flatMap((point) =>
        point ? [svg("circle", { cx: point[0], cy: point[1], r: unit * 0.25, fill: "#bbb", opacity, "pointer-events": "none", class: "detail" })] : [],
      ),
    );
    const circles = present(points).map((joint) => {
      const [x, y] = points[joint];
      const chosen = inHand && state.selected.has(joint);
      const circle = svg("circle", {
        cx: x, cy: y, r: unit * (joint > 13 ? 0.8 : 1.2), fill: jointColour(joint), stroke: chosen ? "#fff" : "#000",
        "stroke-width": unit * (chosen ? 0.5 : 0.2), class: wrong.has(joint) ? "joint wrong" : "joint", tabindex: 0, role: "button",
        opacity, "data-person": index, "data-joint": joint,
        "aria-label": `${JOINTS[joint]}${state.people().length > 1 ? `, person ${index + 1}` : ""}${chosen ? ", selected" : ""}`,
      });
      circle.append(svg("title", {}, JOINTS[joint]));
      return circle;
    });
    const marks = present(points).filter((joint) => wrong.has(joint)).map((joint) => {
      const [x, y] = points[joint];
      return svg("circle", {
        cx: x, cy: y, r: unit * 2.1, fill: "none", stroke: "#ff5", "stroke-width": unit * 0.35, "stroke-dasharray": unit * 0.7,
        "pointer-events": "none", class: "mark",
      });
    });
    return [...lines, ...dots, ...circles, ...marks];
  }

  /** The box around the selection with its corners to scale and its knob to turn. @param {number} unit @returns {SVGElement[]} */
  handles(unit) {
    const box = this.selectionBox();
    if (!box) return [];
    const { left, top, right, bottom } = box;
    const frame = svg("rect", {
      x: left, y: top, width: right - left, height: bottom - top, fill: "none", stroke: "#fff", "stroke-opacity": 0.5,
      "stroke-width": unit * 0.2, "pointer-events": "none", class: "selection",
    });
    const corner = (/** @type {number} */ x, /** @type {number} */ y) =>
      svg("rect", { x: x - unit, y: y - unit, width: 2 * unit, height: 2 * unit, fill: "#fff", "data-handle": "scale", class: "handle" });
    const knob = svg("circle", { cx: (left + right) / 2, cy: top - unit * 4, r: unit * 1.2, fill: "#fff", "data-handle": "turn", class: "handle" });
    knob.append(svg("title", {}, "turn"));
    return [frame, corner(left, top), corner(right, top), corner(left, bottom), corner(right, bottom), knob];
  }

  selectionBox() {
    const points = this.state.person()?.points ?? [];
    const chosen = [...this.state.selected].map((joint) => points[joint]).filter((point) => point !== null && point !== undefined);
    if (chosen.length < 2) return null;
    const { width, height } = this.state.canvas;
    const gap = HANDLES * Math.max(width, height);
    const { left, top, right, bottom } = boxOf(chosen);
    return { left: left - gap, top: top - gap, right: right + gap, bottom: bottom + gap };
  }

  // Hands.

  /** Place of a pointer in pixels of the canvas. @param {{clientX: number, clientY: number}} event @returns {Point} */
  place(event) {
    const matrix = this.element.getScreenCTM();
    if (!matrix) return [0, 0];
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    return [point.x, point.y];
  }

  /** Screen pixels in one of the canvas. */
  scale() {
    return this.element.getScreenCTM()?.a || 1;
  }

  /** The joint nearest to a pointer, if it is near; somebody else's only where it is nearer. @param {PointerEvent} event */
  jointAt(event) {
    const here = this.place(event);
    const reach = (REACH[event.pointerType] ?? REACH.mouse) / this.scale();
    let best = null;
    for (const [person, { points }] of this.state.people().entries()) {
      for (const joint of present(points)) {
        const far = distance(here, points[joint]) + (person === this.state.active ? 0 : 1e-3);
        if (far <= reach && (!best || far < best.far)) best = { person, joint, far };
      }
    }
    return best;
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (!event.composedPath().includes(this.element) || event.button > 1) return;
    event.stopImmediatePropagation();
    event.preventDefault(); // no text is selected, no picture dragged
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size > 1 && event.pointerType === "touch") {
      this.gesture?.cancel?.();
      this.gesture = this.pinch();
    } else this.gesture = this.begin(event);
    this.state.show();
  }

  /** @param {PointerEvent} event */
  moved(event) {
    if (!this.pointers.has(event.pointerId)) return;
    event.stopImmediatePropagation();
    this.pointers.set(event.pointerId, event);
    this.gesture?.move(event);
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    event.stopImmediatePropagation();
    const { gesture } = this;
    this.gesture = null;
    gesture?.end?.();
    this.state.show();
  }

  /** @param {PointerEvent} event @returns {Gesture} */
  begin(event) {
    const { state } = this;
    const { handle, person: limbOf } = event.target.dataset ?? {};
    if (event.button === 1 || this.panning) return this.pan(event);
    state.played = null;
    if (handle) return this.transformation(event, handle);
    const found = this.jointAt(event);
    if (!found && limbOf === undefined) {
      this.element.focus();
      return this.boxSelection(event);
    }
    state.takePerson(found ? found.person : Number(limbOf));
    const start = state.person();
    if (!start) return NOTHING;
    if (!found) {
      this.element.focus();
      state.selectAll();
      return this.shift(event, start, present(start.points));
    }
    this.focus(found.joint);
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      const selected = new Set(state.selected);
      if (!selected.delete(found.joint)) selected.add(found.joint);
      state.select(selected);
      return NOTHING;
    }
    if (state.selected.size > 1 && state.selected.has(found.joint)) return this.shift(event, start, [...state.selected]);
    state.select([found.joint]);
    const last = this.pressed;
    this.pressed = { joint: `${found.person} ${found.joint}`, time: event.timeStamp };
    const pull = this.pull(event, start, found.joint);
    if (last.joint !== this.pressed.joint || event.timeStamp - last.time > DOUBLE) return pull;
    // a second press that becomes a pull is one
    return { ...pull, end: () => (this.pressed.joint ? state.hide([found.joint]) : pull.end?.()) };
  }

  /** @param {PointerEvent} event @returns {Gesture} */
  pan(event) {
    const view = { ...this.view };
    const scale = this.scale();
    return {
      move: (now) => {
        const [dx, dy] = [(now.clientX - event.clientX) / scale, (now.clientY - event.clientY) / scale];
        this.view = { ...view, x: view.x - dx, y: view.y - dy };
        this.render();
      },
    };
  }

  /** Two fingers: zoom and move the view. @returns {Gesture} */
  pinch() {
    const [one, other] = [...this.pointers.values()];
    const start = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    const zoom = this.view.zoom;
    const centre = () => {
      const [a, b] = [...this.pointers.values()];
      return { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    };
    const held = this.place(centre());
    return {
      move: () => {
        const [a, b] = [...this.pointers.values()];
        if (!b) return;
        const spread = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) / start;
        this.zoomAt(centre(), held, zoom * spread);
      },
    };
  }

  /** @param {PointerEvent} event @param {Person} start @param {number} joint @returns {Gesture} */
  pull(event, start, joint) {
    const from = this.place(event);
    const [x, y] = start.points[joint];
    return this.merged((now, gesture) => {
      const to = this.place(now);
      this.state.pull(start, joint, [x + to[0] - from[0], y + to[1] - from[1]], now.altKey, gesture);
    });
  }

  /** @param {PointerEvent} event @param {Person} start @param {number[]} joints @returns {Gesture} */
  shift(event, start, joints) {
    const from = this.place(event);
    return this.merged((now, gesture) => {
      const to = this.place(now);
      const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
      if (now.shiftKey) {
        const centre = this.centreOf(start, joints);
        this.state.turn(start, joints, centre, dx * 0.01, Math.exp(-dy * 0.005), gesture);
      } else this.state.transform(start, joints, (point) => [point[0] + dx, point[1] + dy], gesture);
    });
  }

  /** @param {PointerEvent} event @param {string} kind @returns {Gesture} */
  transformation(event, kind) {
    const start = this.state.person();
    const joints = [...this.state.selected];
    if (!start || !joints.length) return NOTHING;
    const centre = this.centreOf(start, joints);
    const from = this.place(event);
    return this.merged((now, gesture) => {
      const to = this.place(now);
      const angle = kind === "turn" ? direction(centre, to) - direction(centre, from) : 0;
      const scale = kind === "scale" ? Math.max(0.05, distance(centre, to) / Math.max(1e-6, distance(centre, from))) : 1;
      this.state.turn(start, joints, centre, angle, scale, gesture);
    });
  }

  /** @param {Person} person @param {number[]} joints @returns {Point} */
  centreOf(person, joints) {
    const { left, top, right, bottom } = boxOf(joints.map((joint) => person.points[joint]).filter((point) => point !== null));
    return [(left + right) / 2, (top + bottom) / 2];
  }

  /** @param {PointerEvent} event @returns {Gesture} */
  boxSelection(event) {
    const { state } = this;
    const from = this.place(event);
    const kept = event.shiftKey ? [...state.selected] : [];
    state.select(kept);
    return {
      move: (now) => {
        const to = this.place(now);
        this.marquee = boxOf([from, to]);
        const { left, top, right, bottom } = this.marquee;
        const inside = state.people().map(({ points }) =>
          present(points).filter((joint) => {
            const [x, y] = points[joint];
            return x >= left && x <= right && y >= top && y <= bottom;
          }),
        );
        const most = kept.length ? state.active : inside.reduce((best, some, index) => (some.length > inside[best].length ? index : best), state.active);
        state.active = most;
        state.select([...kept, ...(inside[most] ?? [])]);
      },
      end: () => {
        this.marquee = null;
      },
    };
  }

  /** A gesture whose changes are undone together. @param {(event: PointerEvent, gesture: object) => void} change @returns {Gesture} */
  merged(change) {
    const gesture = {};
    let changed = false;
    return {
      end: () => {
        if (changed) this.options.onRelease?.();
      },
      move: (event) => {
        changed = true;
        this.pressed.joint = "";
        change(event, gesture);
      },
      cancel: () => {
        if (changed) this.state.undo();
      },
    };
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    event.stopPropagation();
    this.zoomAt(event, this.place(event), this.view.zoom * Math.exp(-event.deltaY * 0.0015));
  }

  /** Zoom so that a place of the canvas stays under a place of the screen.
   * @param {{clientX: number, clientY: number}} screen @param {Point} held @param {number} zoom */
  zoomAt(screen, held, zoom) {
    this.view = { ...this.view, zoom: Math.min(LARGEST_ZOOM, Math.max(SMALLEST_ZOOM, zoom)) };
    this.render();
    const now = this.place(screen);
    this.view = { ...this.view, x: this.view.x + held[0] - now[0], y: this.view.y + held[1] - now[1] };
    this.render();
  }
}
