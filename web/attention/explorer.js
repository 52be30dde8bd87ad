/**
 * The attention explorer: target and source side by side; a place of one that is pointed to shines on the other, where the
 * network looked. It knows nothing of ComfyUI; `../dptn_attention.js` puts it into a node.
 */

import { answer, boxOf, cellAt, cellsIn, peakOf, pixels } from "./maps.js";
import { Pane, html } from "./pane.js";
import { COLOURS, carriedOver, middleOf, nearest, nextColour, pinned, pointsText } from "./pins.js";

/** @typedef {import("./maps.js").Maps} Maps */
/** @typedef {import("./maps.js").Point} Point */
/** @typedef {import("./maps.js").Side} Side */
/** @typedef {import("./pins.js").Pin} Pin */
/** @typedef {import("./pins.js").Place} Place */

/**
 * @typedef {object} Run what can be explored
 * @property {Maps} maps
 * @property {string[]} names of the joints
 * @property {import("./pane.js").SideOf} target
 * @property {import("./pane.js").SideOf} source
 */
/** @typedef {{map: Float32Array, at: Point, share: number}} Answer at: the peak in pixels of the other picture */

/** @type {Side[]} */
const SIDES = ["target", "source"];
/** @type {Record<Side, Side>} */
const OTHER = { target: "source", source: "target" };
const HELP = "Arrow keys point, J goes to the next joint, Enter pins, Delete takes the last pin away, Escape all";
const START = "Point at a picture: the other one shows where the network looked. Click pins, a joint too; drag asks a region.";
const BESIDE = 0.4; // strength of the pins' heat while something else is pointed to
const DRAG = 5; // pixels of the screen that a press may move and still be a click
const REACH = { mouse: 8, pen: 12, touch: 18 }; // pixels of the screen

const STYLE = `
.dptn-attention { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%; min-height: 300px;
  box-sizing: border-box; font: 12px sans-serif; color: #ddd; contain: size layout;
  user-select: none; -webkit-user-select: none; }
.dptn-attention .row { display: flex; flex-wrap: wrap; gap: 3px; align-items: center; }
.dptn-attention button, .dptn-attention select { font: inherit; color: inherit; background: #2b2d33; border: 1px solid #444;
  border-radius: 4px; padding: 2px 6px; cursor: pointer; }
.dptn-attention button:hover, .dptn-attention select:hover { background: #3a3d45; }
.dptn-attention button:disabled { opacity: 0.4; cursor: default; }
.dptn-attention .panes { flex: 1; min-height: 0; display: grid; grid-template-columns: 1fr 1fr; gap: 4px; }
.dptn-attention .pane { display: flex; flex-direction: column; min-width: 0; min-height: 0; background: #15161a;
  border-radius: 4px; }
.dptn-attention .name { padding: 2px 6px; color: #999; font-size: 11px; }
.dptn-attention .room { flex: 1; min-height: 0; container-type: size; display: grid; place-items: center; }
.dptn-attention .stage { position: relative; overflow: hidden; width: min(100cqw, calc(100cqh * var(--ratio, 1)));
  aspect-ratio: var(--ratio, 1); touch-action: none; cursor: crosshair; }
.dptn-attention .stage:focus-visible { outline: 2px solid #8cf; outline-offset: -2px; }
.dptn-attention .stage > * { position: absolute; pointer-events: none; }
.dptn-attention img, .dptn-attention svg { inset: 0; width: 100%; height: 100%; }
.dptn-attention svg text { text-anchor: middle; font-family: sans-serif; font-weight: bold; paint-order: stroke; stroke: #000; }
.dptn-attention svg circle.joint { fill: #fff; fill-opacity: 0.75; stroke: #000; pointer-events: auto; }
.dptn-attention svg circle.pin { stroke: #000; }
.dptn-attention svg text.pin { fill: #000; }
.dptn-attention svg .ring, .dptn-attention svg .line { fill: none; }
.dptn-attention svg text.ring { fill: currentColor; }
.dptn-attention svg circle.ring, .dptn-attention svg .peak { filter: drop-shadow(0 0 1px #000); }
.dptn-attention svg .thin { opacity: 0.55; }
.dptn-attention svg .frame { fill: none; stroke: #fff; stroke-opacity: 0.35; stroke-dasharray: 4;
  vector-effect: non-scaling-stroke; }
.dptn-attention .said { color: #fc8; min-height: 2.5em; line-height: 1.25; overflow: hidden; }
.dptn-attention .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.dptn-attention.empty .panes, .dptn-attention.empty .row { display: none; }
.dptn-attention.empty .said { flex: 1; display: grid; place-content: center; text-align: center; padding: 0 16px;
  background: #15161a; border-radius: 4px; color: #bbb; }
`;

export class AttentionExplorer {
  /**
   * @param {object} options
   * @param {(text: string) => void} options.onPoints called with the pinned places of the target, as `x,y; x,y`
   */
  constructor(options) {
    this.options = options;
    /** @type {Run | null} */
    this.run = null;
    /** @type {import("./maps.js").Choice} */
    this.choice = { layer: null, head: null };
    /** @type {Pin[]} */
    this.pins = [];
    /** @type {Answer[]} to the pins, in their order */
    this.answers = [];
    /** @type {Place | null} what is pointed to */
    this.pointed = null;
    this.element = html("div", { class: "dptn-attention empty" });
    const style = html("style", {});
    style.textContent = STYLE;
    this.panes = {
      target: new Pane("target", HELP),
      source: new Pane("source", HELP),
    };
    const panes = html("div", { class: "panes" });
    panes.append(this.panes.target.element, this.panes.source.element);
    this.said = html("div", { class: "said" });
    this.spoken = html("div", { class: "spoken", role: "status" });
    this.layers = html("select", { "aria-label": "Layer" });
    this.heads = html("select", { "aria-label": "Head" });
    this.clearButton = button("clear pins", "Take all pins away (Escape)", () => this.clear());
    this.pointsButton = button("to points", "Write the pinned places of the target into 'points', for the next run", () => {
      if (this.run) this.options.onPoints(pointsText(this.pins, this.run.target.canvas));
    });
    const bar = html("div", { class: "row" });
    bar.append(this.layers, this.heads, this.clearButton, this.pointsButton);
    this.element.append(style, bar, panes, this.said, this.spoken);
    this.listen();
    this.say("");
  }

  // What is explored.

  /** @param {Run} run */
  setRun(run) {
    const first = this.run === null;
    this.run = run;
    const { layers, heads } = run.maps;
    const last = layers - 1;
    const { layer, head } = this.choice;
    this.choice = {
      layer: first || (layer !== null && layer > last) ? last : layer,
      head: head !== null && head >= heads ? null : head,
    };
    offer(this.layers, "layer", layers, this.choice.layer);
    offer(this.heads, "head", heads, this.choice.head);
    for (const side of SIDES) this.panes[side].show(run[side], run.maps, run.names);
    this.element.classList.remove("empty");
    this.pins = carriedOver(this.pins, run);
    this.pointed = null;
    this.renew();
  }

  /** Show nothing but words. @param {string} text */
  setEmpty(text) {
    this.run = null;
    this.pins = [];
    this.answers = [];
    this.pointed = null;
    this.element.classList.add("empty");
    this.said.textContent = this.spoken.textContent = text;
  }

  /** Ask all pins again and draw. */
  renew() {
    this.answers = this.pins.map((pin) => this.ask(pin));
    this.renderPins();
    this.render();
  }

  /** @param {Place} place @returns {Answer} */
  ask(place) {
    const { maps, [place.side]: asked, [OTHER[place.side]]: other } = this.explored();
    const [width, height] = place.box.slice(2);
    const cells = width || height ? cellsIn(maps, asked.frame, place.box) : [cellAt(maps, asked.frame, middleOf(place))];
    const map = answer(maps, this.choice, place.side, cells);
    const peak = peakOf(maps, map);
    // asked the other way round there is no whole to have a share of, so it is what the peak itself gave
    const share = place.side === "target" ? peak.share : map[peak.cell];
    return { map, at: pixels(maps, other.frame, [peak.x, peak.y]), share };
  }

  /** @returns {Run} */
  explored() {
    if (!this.run) throw new Error("there is nothing to explore yet");
    return this.run;
  }

  // What the person does.

  /** @param {Place | null} place */
  point(place) {
    if (!this.run) return;
    this.pointed = place;
    this.render();
  }

  /** @param {Place} place */
  pin(place) {
    this.pins = pinned(this.pins, place);
    this.pointed = null;
    this.renew();
    this.spoken.textContent = this.pins.length ? `${this.pins.length} pins. ${this.summary()}` : "no pins";
  }

  /** @param {Pin} pin */
  unpin(pin) {
    this.pins = this.pins.filter((other) => other !== pin);
    this.pointed = null;
    this.renew();
    this.spoken.textContent = `pin removed, ${this.pins.length} left`;
  }

  clear() {
    this.pins = [];
    this.pointed = null;
    this.renew();
    this.spoken.textContent = "no pins";
  }

  /** A click: on a pin, on a joint, or anywhere. @param {Side} side @param {Point} place @param {number} reach in pixels */
  click(side, place, reach) {
    const pins = this.pins.filter((pin) => pin.side === side);
    const on = nearest(pins.map(middleOf), place, reach);
    if (on !== null) return this.unpin(pins[on]);
    const joint = nearest(this.explored()[side].joints, place, reach);
    this.pin(joint === null ? placeAt(side, place) : this.atJoint(side, joint));
  }

  /** @param {Side} side @param {number} joint @returns {Place} */
  atJoint(side, joint) {
    const place = this.explored()[side].joints[joint];
    return place ? { side, box: [...place, 0, 0], joint } : placeAt(side, [0, 0]);
  }

  // The page.

  listen() {
    // Before anybody else: some front ends start to drag the node from a listener further up, in the capturing phase.
    this.firstPress = (/** @type {PointerEvent} */ event) => {
      const path = event.composedPath();
      if (event.button !== 0 || !path.includes(this.element)) return;
      event.stopImmediatePropagation();
      const side = SIDES.find((one) => path.includes(this.panes[one].stage));
      if (side && this.run) this.press(side, event);
    };
    window.addEventListener("pointerdown", this.firstPress, true);
    for (const kind of ["pointerup", "dblclick", "keyup"]) {
      this.element.addEventListener(kind, (event) => event.stopPropagation());
    }
    for (const side of SIDES) {
      const { stage } = this.panes[side];
      stage.addEventListener("pointermove", (event) => {
        if (event.buttons > 1) return; // the graph is being moved
        event.stopPropagation();
        if (!event.buttons) this.point(placeAt(side, this.panes[side].place(event)));
      });
      stage.addEventListener("pointerleave", () => this.point(null));
      stage.addEventListener("blur", () => this.point(null));
    }
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.layers.addEventListener("change", () => this.choose({ ...this.choice, layer: chosen(this.layers) }));
    this.heads.addEventListener("change", () => this.choose({ ...this.choice, head: chosen(this.heads) }));
  }

  /** Listen no more; the element is gone. */
  dispose() {
    if (this.firstPress) window.removeEventListener("pointerdown", this.firstPress, true);
    this.setEmpty("");
  }

  /** @param {import("./maps.js").Choice} choice */
  choose(choice) {
    this.choice = choice;
    this.renew();
  }

  /** A press on a picture: a click or, if it moves, a region. @param {Side} side @param {PointerEvent} event */
  press(side, event) {
    const pane = this.panes[side];
    event.preventDefault(); // no text is selected, no picture dragged
    pane.stage.focus({ preventScroll: true });
    const start = pane.place(event);
    /** @type {Place | null} */
    let region = null;
    this.point(placeAt(side, start));
    this.follow(pane, event, {
      move: (now) => {
        const far = Math.hypot(now.clientX - event.clientX, now.clientY - event.clientY) > DRAG;
        if (!far && !region) return;
        region = { side, box: between(start, pane.place(now)), joint: null };
        this.point(region);
      },
      end: () => {
        const kind = /** @type {keyof typeof REACH} */ (event.pointerType);
        if (!this.run) return;
        if (region) this.pin(region);
        else this.click(side, start, (REACH[kind] ?? REACH.mouse) * pane.scale());
      },
      cancel: () => this.point(null),
    });
  }

  /**
   * Follow one pointer until it is let go.
   * @param {Pane} pane
   * @param {PointerEvent} event
   * @param {{move: (now: PointerEvent) => void, end: () => void, cancel: () => void}} gesture
   */
  follow(pane, event, gesture) {
    const handle = (/** @type {PointerEvent} */ now) => {
      if (now.pointerId !== event.pointerId) return;
      now.stopImmediatePropagation();
      if (now.type === "pointermove") return gesture.move(now);
      for (const kind of kinds) window.removeEventListener(kind, handle, true);
      if (now.type === "pointerup") gesture.end();
      else gesture.cancel();
    };
    const kinds = /** @type {const} */ (["pointermove", "pointerup", "pointercancel"]);
    for (const kind of kinds) window.addEventListener(kind, handle, true);
    if (event.isTrusted) pane.stage.setPointerCapture(event.pointerId);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey) return;
    event.stopPropagation();
    const side = SIDES.find((one) => this.panes[one].stage === event.target);
    if (!side || !this.run) return;
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowLeft: () => this.step(side, -1, 0, event.shiftKey),
      ArrowRight: () => this.step(side, 1, 0, event.shiftKey),
      ArrowUp: () => this.step(side, 0, -1, event.shiftKey),
      ArrowDown: () => this.step(side, 0, 1, event.shiftKey),
      j: () => this.stepJoint(side, 1),
      J: () => this.stepJoint(side, -1),
      Enter: () => this.pointed && this.pin(this.pointed),
      " ": () => this.pointed && this.pin(this.pointed),
      Delete: () => this.pins.length && this.unpin(this.pins[this.pins.length - 1]),
      Backspace: () => acts.Delete(),
      Escape: () => this.clear(),
    };
    if (!Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** Point to a cell beside. @param {Side} side @param {number} dx @param {number} dy @param {boolean} far */
  step(side, dx, dy, far) {
    const { maps, [side]: { frame } } = this.explored();
    const from = middleOf(this.pointed?.side === side ? this.pointed : { box: frame });
    const many = maps.block * (far ? 4 : 1);
    const x = from[0] + (dx * many * frame[2]) / maps.columns;
    const y = from[1] + (dy * many * frame[3]) / maps.rows;
    const [left, top, width, height] = boxOf(maps, frame, cellAt(maps, frame, [x, y]));
    this.pointByKey(placeAt(side, [left + width / 2, top + height / 2]));
  }

  /** @param {Side} side @param {number} by */
  stepJoint(side, by) {
    const { joints } = this.explored()[side];
    const there = joints.flatMap((place, joint) => (place ? [joint] : []));
    if (!there.length) return;
    const now = this.pointed?.side === side && this.pointed.joint !== null ? there.indexOf(this.pointed.joint) : -1;
    const next = now < 0 ? (by > 0 ? 0 : there.length - 1) : (now + by + there.length) % there.length;
    this.pointByKey(this.atJoint(side, there[next]));
  }

  /** @param {Place} place */
  pointByKey(place) {
    this.point(place);
    this.spoken.textContent = this.said.textContent;
  }

  // Drawing.

  renderPins() {
    const marks = { target: noMarks(), source: noMarks() };
    this.pins.forEach((pin, index) => {
      const text = String(index + 1);
      const colour = COLOURS[pin.colour];
      const region = pin.box[2] || pin.box[3] ? pin.box : null;
      marks[pin.side].pins.push({ place: middleOf(pin), colour, text, region });
      marks[OTHER[pin.side]].peaks.push({ place: this.answers[index].at, colour, text, region: null });
    });
    for (const side of SIDES) this.panes[side].mark(marks[side].pins, marks[side].peaks);
    this.clearButton.disabled = !this.pins.length;
    this.pointsButton.disabled = !this.run || !pointsText(this.pins, this.run.target.canvas);
  }

  /** What is pointed to, and the heat; all that a hover changes. */
  render() {
    const place = this.pointed;
    const found = place && this.ask(place);
    const colour = COLOURS[nextColour(this.pins)];
    for (const side of SIDES) {
      const pane = this.panes[side];
      const here = place?.side === side ? place : null;
      const seen = here ? null : found;
      const heats = this.pins.flatMap((pin, index) => {
        const heat = { map: this.answers[index].map, colour: COLOURS[pin.colour], strength: seen ? BESIDE : 1 };
        return pin.side === side ? [] : [heat];
      });
      pane.glow(seen ? [...heats, { map: seen.map, colour, strength: 1 }] : heats);
      pane.peak(seen && seen.at, colour);
      if (!here) pane.point(null, null);
      else {
        const { maps, [side]: { frame } } = this.explored();
        const at = middleOf(here);
        const region = here.box[2] || here.box[3] ? here.box : null;
        pane.point({ place: at, colour, cell: boxOf(maps, frame, cellAt(maps, frame, at)) }, region);
      }
    }
    this.say(place && found ? this.words(place, found) : this.summary());
  }

  summary() {
    const last = this.pins.length - 1;
    return last < 0 ? START : `pin ${last + 1}: ${this.words(this.pins[last], this.answers[last])}`;
  }

  /** A question and its answer in numbers. @param {Place} place @param {Answer} found */
  words(place, { at, share }) {
    const { names, [place.side]: { joints } } = this.explored();
    const [x, y] = middleOf(place).map(Math.round);
    const [width, height] = place.box.slice(2).map(Math.round);
    const reach = Math.max(...this.explored()[place.side].canvas) * 0.015;
    const joint = place.joint ?? (width || height ? null : nearest(joints, middleOf(place), reach));
    const region = width || height ? `, region ${width} × ${height}` : "";
    const asked = `${place.side} ${x}, ${y}${joint === null ? "" : ` (${names[joint]})`}${region}`;
    const [peakX, peakY] = at.map(Math.round);
    const percent = `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
    return place.side === "target"
      ? `${asked} looked at source ${peakX}, ${peakY}; ${percent} of its attention lies there`
      : `${asked} was used most by target ${peakX}, ${peakY}, which gave it ${percent} of its attention`;
  }

  /** @param {string} text */
  say(text) {
    this.said.textContent = text;
  }
}

/** @param {Side} side @param {Point} place @returns {Place} */
function placeAt(side, [x, y]) {
  return { side, box: [x, y, 0, 0], joint: null };
}

/** @param {Point} a @param {Point} b @returns {import("./maps.js").Box} */
function between(a, b) {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
}

/** @returns {{pins: import("./pane.js").Mark[], peaks: import("./pane.js").Mark[]}} */
function noMarks() {
  return { pins: [], peaks: [] };
}

/** @param {string} label @param {string} title @param {() => void} act */
function button(label, title, act) {
  const made = html("button", { type: "button", title });
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

/**
 * Fill a list with all and each.
 * @param {HTMLSelectElement} select
 * @param {string} what
 * @param {number} count
 * @param {number | null} now
 */
function offer(select, what, count, now) {
  const option = (/** @type {string} */ value, /** @type {string} */ text) => {
    const made = html("option", { value });
    made.textContent = text;
    return made;
  };
  const each = Array.from({ length: count }, (_, index) => option(String(index), `${what} ${index}`));
  select.replaceChildren(option("", `all ${what}s`), ...each);
  select.value = now === null ? "" : String(now);
}

/** @param {HTMLSelectElement} select */
function chosen(select) {
  return select.value === "" ? null : Number(select.value);
}
