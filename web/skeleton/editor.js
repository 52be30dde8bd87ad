/**
 * The skeleton editor: an SVG to pull joints in and a row of buttons. It knows nothing of ComfyUI; `../dptn_skeleton.js` puts
 * it into a node.
 */

import { JOINTS, LIMBS, jointColour, standing } from "./anatomy.js";
import { History } from "./history.js";
import { dragJoint, mirrored, moved, restored, turnedAndScaled } from "./pose.js";
import { PoseTextError, readValue, writeOpenPose, writeValue } from "./value.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 0.06; // of the canvas, around it, so that joints at its edge can be taken hold of
const [SMALLEST_ZOOM, LARGEST_ZOOM] = [0.2, 12];

const STYLE = `
.dptn-editor { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%; min-height: 370px; box-sizing: border-box;
  font: 12px sans-serif; color: #ddd; contain: size layout; }
.dptn-editor svg { flex: 1; min-height: 0; width: 100%; background: #15161a; border-radius: 4px; touch-action: none; }
.dptn-editor .row { display: flex; flex-wrap: wrap; gap: 3px; }
.dptn-editor button { font: inherit; color: inherit; background: #2b2d33; border: 1px solid #444; border-radius: 4px;
  padding: 2px 7px; cursor: pointer; }
.dptn-editor button:hover { background: #3a3d45; }
.dptn-editor button[aria-pressed="true"] { background: #2a6f4f; border-color: #5c9; }
.dptn-editor button:disabled { opacity: 0.4; cursor: default; }
.dptn-editor .said { color: #fc8; min-height: 1.2em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.dptn-editor circle.joint { cursor: grab; }
.dptn-editor circle.joint:focus { outline: none; stroke: #fff; stroke-width: 3; }
.dptn-editor line.limb { cursor: move; }
`;

/**
 * @typedef {object} Options
 * @property {(text: string) => void} onChange called with the new value after each change
 * @property {(on: boolean) => void} onLive called when live posing is switched
 * @property {() => {width: number, height: number}} fallbackCanvas the canvas when nothing states one
 */

export class SkeletonEditor {
  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.text = "";
    /** @type {import("./value.js").Edit | null} the edit in `text`; null: none */
    this.edit = null;
    this.foreign = false; // OpenPose JSON in place of the editor's own form
    /** @type {{frames: object[], upstream: string | null, by_hand: boolean} | null} what the last run said */
    this.run = null;
    this.active = 0;
    this.frame = 0;
    this.view = { zoom: 1, x: 0, y: 0 };
    this.history = new History("");
    this.background = null;
    this.build();
    this.render();
  }

  // What is shown.

  /** The edit that counts, or what it would start from. @returns {import("./value.js").Edit} */
  shown() {
    const upstream = this.run?.upstream ?? null;
    const counts = this.edit && (upstream === null || this.edit.upstream === upstream || this.foreign);
    if (counts) return this.edit;
    if (this.run) return { ...readValue(JSON.stringify(this.run.frames), this.options.fallbackCanvas()), upstream };
    const canvas = this.options.fallbackCanvas();
    return { canvas, frames: [[{ points: standing(canvas.width, canvas.height), rest: {} }]], upstream: null, ours: true };
  }

  /** @returns {import("./value.js").Person[]} */
  people() {
    const { frames } = this.shown();
    return frames[Math.min(this.frame, frames.length - 1)] ?? [];
  }

  /** Take a value from outside: a loaded workflow, a paste, the graph's own undo. @param {string} text */
  setText(text) {
    if (text === this.text) return;
    this.text = text;
    this.history.reset(text);
    this.read();
  }

  /** What the block's last run said of its pose. @param {{frames: object[], upstream: string | null, by_hand: boolean}} run */
  setRun(run) {
    this.run = run;
    this.render();
  }

  /** @param {string | null} url a picture to pose over */
  setBackground(url) {
    this.background = url;
    this.render();
  }

  read() {
    this.say("");
    try {
      this.edit = readValue(this.text, this.options.fallbackCanvas());
      this.foreign = this.edit !== null && !this.edit.ours;
    } catch (error) {
      if (!(error instanceof PoseTextError)) throw error;
      this.edit = null;
      this.say(`${error.message}. The text is kept until you change the pose.`);
    }
    this.render();
  }

  // What changes it.

  /** @param {(people: import("./value.js").Person[], canvas: object) => import("./value.js").Person[]} change */
  change(change, gesture = undefined) {
    const before = this.shown();
    const index = Math.min(this.frame, before.frames.length - 1);
    const frames = before.frames.map((people, at) => (at === index ? change(people, before.canvas) : people));
    this.commit(writeValue({ ...before, frames, upstream: this.run?.upstream ?? before.upstream }), gesture);
  }

  /** Change the points of the active person. */
  changeActive(change, gesture = undefined) {
    this.change(
      (people, canvas) =>
        people.map((person, at) => (at === this.active ? { ...person, points: change(person.points, canvas) } : person)),
      gesture,
    );
  }

  commit(text, gesture = undefined) {
    this.history.push(text, gesture);
    this.text = text;
    this.read();
    this.options.onChange(text);
  }

  undo() {
    if (this.history.undo()) this.restore();
  }

  redo() {
    if (this.history.redo()) this.restore();
  }

  restore() {
    this.text = this.history.now;
    this.read();
    this.options.onChange(this.text);
  }

  /** Take OpenPose JSON or the editor's own text as a new edit. @param {string} text */
  paste(text) {
    try {
      const edit = readValue(text, this.shown().canvas);
      if (!edit) throw new PoseTextError("there is no pose in it");
      this.commit(writeValue({ ...edit, upstream: this.run?.upstream ?? null }));
      this.fit();
    } catch (error) {
      if (!(error instanceof PoseTextError)) throw error;
      this.say(error.message);
    }
  }

  // The page.

  build() {
    this.element = document.createElement("div");
    this.element.className = "dptn-editor";
    this.element.dataset.captureWheel = "true";
    const style = document.createElement("style");
    style.textContent = STYLE;
    this.svg = svgElement("svg", { role: "group", "aria-label": "Skeleton editor" });
    this.joints = row();
    this.said = document.createElement("div");
    this.said.className = "said";
    this.said.setAttribute("role", "status");
    this.element.append(style, this.buttons(), this.svg, this.joints, this.said);
    for (const kind of ["pointerdown", "pointermove", "pointerup", "dblclick", "contextmenu"]) {
      this.element.addEventListener(kind, (event) => event.stopPropagation());
    }
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    // Before anybody else: some front ends start to drag the node from a listener further up, in the capturing phase.
    this.firstPress = (event) => {
      if (!event.composedPath().includes(this.svg)) return;
      event.stopImmediatePropagation();
      this.press(event);
    };
    window.addEventListener("pointerdown", this.firstPress, true);
    this.svg.addEventListener("dblclick", (event) => this.hide(event));
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => this.drop(event));
    this.element.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text/plain");
      if (text) this.paste(text);
      event.stopPropagation();
    });
  }

  buttons() {
    const bar = row();
    const add = (label, title, act) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.title = title;
      button.setAttribute("aria-label", title);
      button.addEventListener("click", act);
      bar.append(button);
      return button;
    };
    this.undoButton = add("↶", "Undo (Ctrl+Z)", () => this.undo());
    this.redoButton = add("↷", "Redo (Ctrl+Y)", () => this.redo());
    add("mirror", "Mirror this person (left and right change names)", () => this.changeActive(mirrored));
    add("stand", "Standing pose", () =>
      this.changeActive((_, canvas) => standing(canvas.width, canvas.height)),
    );
    this.resetButton = add("reset", "Drop the edit: the connected pose, or a standing person", () => this.commit(""));
    add("+ person", "Add a person", () => {
      this.change((people, { width, height }) => {
        const beside = moved(standing(width, height), width * 0.12 * people.length, 0);
        this.active = people.length;
        return [...people, { points: beside, rest: {} }];
      });
    });
    this.removeButton = add("− person", "Remove this person", () => {
      const gone = this.active;
      this.active = 0;
      this.change((people) => people.filter((_, at) => at !== gone));
    });
    add("fit", "Show the whole canvas", () => this.fit());
    add("copy", "Copy as OpenPose JSON", () => {
      const done = navigator.clipboard?.writeText(writeOpenPose(this.shown()));
      if (done) done.then(() => this.say("copied"), () => this.say("the browser did not allow copying"));
      else this.say("this page may not use the clipboard");
    });
    const live = add("live", "Live posing: draw the person while you pull", () => {
      const on = live.getAttribute("aria-pressed") !== "true";
      live.setAttribute("aria-pressed", String(on));
      this.options.onLive(on);
    });
    live.setAttribute("aria-pressed", "false");
    this.frameButton = add("", "Next frame of the sequence", () => {
      this.frame = (this.frame + 1) % this.shown().frames.length;
      this.render();
    });
    return bar;
  }

  fit() {
    this.view = { zoom: 1, x: 0, y: 0 };
    this.render();
  }

  say(text) {
    if (this.said) this.said.textContent = text;
  }

  render() {
    const shown = this.shown();
    const { canvas, frames } = shown;
    const people = this.people();
    this.active = Math.min(this.active, Math.max(people.length - 1, 0));
    const focused = this.element.contains(document.activeElement) ? document.activeElement?.dataset?.joint : undefined;
    const margin = MARGIN * Math.max(canvas.width, canvas.height);
    const width = (canvas.width + 2 * margin) / this.view.zoom;
    const height = (canvas.height + 2 * margin) / this.view.zoom;
    this.svg.setAttribute("viewBox", `${-margin + this.view.x} ${-margin + this.view.y} ${width} ${height}`);
    const unit = Math.max(width, height) / 100;
    const parts = [
      svgElement("rect", { x: 0, y: 0, width: canvas.width, height: canvas.height, fill: "#000", class: "canvas" }),
    ];
    if (this.background) {
      parts.push(
        svgElement("image", {
          href: this.background, x: 0, y: 0, width: canvas.width, height: canvas.height, opacity: 0.6,
          preserveAspectRatio: "none", "pointer-events": "none",
        }),
      );
    }
    people.forEach((person, at) => parts.push(...this.drawn(person.points, at, unit)));
    this.svg.replaceChildren(...parts);
    this.renderMissing(people[this.active]);
    this.undoButton.disabled = !this.history.past.length;
    this.redoButton.disabled = !this.history.future.length;
    this.resetButton.disabled = !this.text;
    this.removeButton.disabled = people.length < 1;
    this.frameButton.hidden = frames.length < 2;
    this.frameButton.textContent = `${Math.min(this.frame, frames.length - 1) + 1}/${frames.length} ▸`;
    if (focused !== undefined) this.svg.querySelector(`[data-person="${this.active}"][data-joint="${focused}"]`)?.focus();
  }

  drawn(points, at, unit) {
    const opacity = at === this.active ? 1 : 0.55;
    const limbs = LIMBS.filter(([a, b]) => points[a] && points[b]).map(([a, b]) =>
      svgElement("line", {
        x1: points[a][0], y1: points[a][1], x2: points[b][0], y2: points[b][1], class: "limb", stroke: jointColour(b),
        "stroke-width": unit, "stroke-linecap": "round", "stroke-opacity": 0.65 * opacity, "data-person": at,
      }),
    );
    const circles = points.map((point, joint) => {
      if (!point) return null;
      const circle = svgElement("circle", {
        cx: point[0], cy: point[1], r: unit * (joint > 13 ? 0.8 : 1.2), fill: jointColour(joint), stroke: "#000",
        "stroke-width": unit * 0.2, class: "joint", tabindex: 0, role: "button", opacity,
        "aria-label": `${JOINTS[joint]}${this.people().length > 1 ? `, person ${at + 1}` : ""}`,
        "data-person": at, "data-joint": joint,
      });
      circle.append(svgElement("title", {}, JOINTS[joint]));
      return circle;
    });
    return [...limbs, ...circles.filter((circle) => circle !== null)];
  }

  renderMissing(person) {
    const missing = person ? person.points.flatMap((point, joint) => (point ? [] : [joint])) : [];
    this.joints.replaceChildren(
      ...missing.map((joint) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = `+ ${JOINTS[joint]}`;
        button.addEventListener("click", () => this.changeActive((points, canvas) => restored(points, joint, canvas)));
        return button;
      }),
    );
  }

  // Gestures.

  /** Place of a pointer in pixels of the canvas. @returns {[number, number]} */
  place(event) {
    const matrix = this.svg.getScreenCTM();
    if (!matrix) return [0, 0];
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    return [point.x, point.y];
  }

  press(event) {
    if (event.button > 1) return;
    event.preventDefault(); // no text is selected, no picture dragged
    const { person, joint } = event.target.dataset ?? {};
    const start = this.place(event);
    const gesture = {};
    let act;
    if (person === undefined || event.button === 1) {
      const view = { ...this.view };
      const scale = this.svg.getScreenCTM()?.a || 1;
      act = (now) => {
        const [dx, dy] = [(now.clientX - event.clientX) / scale, (now.clientY - event.clientY) / scale];
        this.view = { ...view, x: view.x - dx, y: view.y - dy };
        this.render();
      };
    } else {
      this.active = Number(person);
      const points = this.people()[this.active].points;
      act = (now) => {
        const [x, y] = this.place(now);
        const [dx, dy] = [x - start[0], y - start[1]];
        this.changeActive(() => {
          if (joint !== undefined) {
            const [jx, jy] = points[Number(joint)];
            return dragJoint(points, Number(joint), [jx + dx, jy + dy], now.altKey);
          }
          if (now.shiftKey) return turnedAndScaled(points, middle(points), dx * 0.01, Math.exp(-dy * 0.005));
          return moved(points, dx, dy);
        }, gesture);
      };
      if (joint !== undefined) event.target.focus();
      this.render();
    }
    this.follow(event, act);
  }

  /** Call `act` with every move of this pointer until it is let go. */
  follow(event, act) {
    const same = (handler) => (other) => {
      if (other.pointerId !== event.pointerId) return;
      other.stopImmediatePropagation();
      handler(other);
    };
    const move = same((now) => act(now));
    const end = same(() => {
      window.removeEventListener("pointermove", move, true);
      window.removeEventListener("pointerup", end, true);
      window.removeEventListener("pointercancel", end, true);
    });
    window.addEventListener("pointermove", move, true);
    window.addEventListener("pointerup", end, true);
    window.addEventListener("pointercancel", end, true);
  }

  /** Listen no more; the element is gone. */
  dispose() {
    window.removeEventListener("pointerdown", this.firstPress, true);
  }

  hide(event) {
    const { person, joint } = event.target.dataset ?? {};
    if (joint === undefined) return;
    this.active = Number(person);
    this.changeActive((points) => points.map((point, at) => (at === Number(joint) ? null : point)));
  }

  wheel(event) {
    event.preventDefault();
    event.stopPropagation();
    const before = this.place(event);
    const zoom = Math.min(LARGEST_ZOOM, Math.max(SMALLEST_ZOOM, this.view.zoom * Math.exp(-event.deltaY * 0.0015)));
    this.view = { ...this.view, zoom };
    this.render();
    const after = this.place(event);
    this.view = { zoom, x: this.view.x + before[0] - after[0], y: this.view.y + before[1] - after[1] };
    this.render();
  }

  key(event) {
    event.stopPropagation();
    const command = event.ctrlKey || event.metaKey;
    const name = event.key.toLowerCase();
    if (command && name === "z") this.pressed(event, () => (event.shiftKey ? this.redo() : this.undo()));
    else if (command && name === "y") this.pressed(event, () => this.redo());
    const { person, joint } = event.target.dataset ?? {};
    if (joint === undefined) return;
    const far = event.shiftKey ? 10 : 1;
    const steps = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    const step = steps[event.key];
    if (step) {
      this.pressed(event, () => {
        this.active = Number(person);
        this.changeActive((points) => {
          const [x, y] = points[Number(joint)];
          return dragJoint(points, Number(joint), [x + step[0], y + step[1]], event.altKey);
        }, `nudge ${person} ${joint}`);
      });
    } else if (event.key === "Delete" || event.key === "Backspace") this.pressed(event, () => this.hide(event));
  }

  pressed(event, act) {
    event.preventDefault();
    act();
  }

  drop(event) {
    event.preventDefault();
    event.stopPropagation();
    const file = event.dataTransfer?.files[0];
    if (file) file.text().then((text) => this.paste(text));
  }
}

function middle(points) {
  const there = points.filter((point) => point !== null);
  const xs = there.map((point) => point[0]);
  const ys = there.map((point) => point[1]);
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}

function row() {
  const element = document.createElement("div");
  element.className = "row";
  return element;
}

function svgElement(name, attributes, text = undefined) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}
