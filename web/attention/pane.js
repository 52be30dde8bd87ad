/**
 * One of the two pictures: the picture, the heat on it, and on top the marks. It draws what it is told and knows where a
 * pointer is; what is asked and answered is the explorer's business.
 */

/** @typedef {import("./maps.js").Box} Box */
/** @typedef {import("./maps.js").Maps} Maps */
/** @typedef {import("./maps.js").Point} Point */

/**
 * @typedef {object} SideOf one side of a run, in pixels
 * @property {Point} canvas width and height
 * @property {Box} frame the part the network sees
 * @property {(Point | null)[]} joints
 * @property {string} picture its address
 */
/** @typedef {{map: Float32Array, colour: string, strength: number}} Glow */
/** @typedef {{place: Point, colour: string, text: string, region: Box | null}} Mark */
/** @typedef {{place: Point, colour: string, cell: Box}} Cursor */

const SVG = "http://www.w3.org/2000/svg";
const DIM = { red: 8, green: 9, blue: 12, alpha: 0.62 }; // over the picture, for the heat to shine
const HOTTEST = 0.9;

/** Part of the longer side of a picture that marks are drawn with. */
const UNIT = 1 / 80;

export class Pane {
  /**
   * @param {string} label
   * @param {string} help
   */
  constructor(label, help) {
    this.element = html("div", { class: "pane" });
    this.stage = html("div", {
      class: "stage", tabindex: "0", role: "application", "aria-label": label, "aria-description": help,
    });
    this.image = html("img", { alt: "", draggable: "false" });
    this.heat = html("canvas", {});
    this.heat.hidden = true;
    this.svg = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
    this.still = svg("g", {}); // frame and joints
    this.marks = svg("g", {}); // pins, and the peaks of those on the other side
    this.pointed = svg("g", { class: "pointed" });
    this.cell = svg("rect", { class: "line" });
    this.across = svg("line", { class: "line thin" });
    this.down = svg("line", { class: "line thin" });
    this.pointed.append(this.across, this.down, this.cell);
    this.region = svg("rect", { class: "line" });
    this.ring = svg("circle", { class: "line peak" });
    this.svg.append(this.still, this.marks, this.pointed, this.region, this.ring);
    this.stage.append(this.image, this.heat, this.svg);
    const name = html("div", { class: "name" });
    name.textContent = label;
    const room = html("div", { class: "room" });
    room.append(this.stage);
    this.element.append(name, room);
    /** @type {SideOf | null} */
    this.side = null;
    this.unit = 1;
    this.ink = /** @type {CanvasRenderingContext2D} */ (this.heat.getContext("2d"));
    /** @type {ImageData | null} a pixel for each cell */
    this.pixels = null;
  }

  /**
   * @param {SideOf} side
   * @param {Maps} maps
   * @param {string[]} names of the joints
   */
  show(side, maps, names) {
    this.side = side;
    const [width, height] = side.canvas;
    this.unit = Math.max(width, height) * UNIT;
    this.image.src = side.picture;
    this.stage.style.setProperty("--ratio", String(width / height));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    // cells at the right and lower edge may reach beyond the frame
    const [left, top, wide, high] = side.frame;
    const part = [maps.across * maps.block / maps.columns, maps.down * maps.block / maps.rows];
    Object.assign(this.heat.style, {
      left: `${(left / width) * 100}%`,
      top: `${(top / height) * 100}%`,
      width: `${((wide * part[0]) / width) * 100}%`,
      height: `${((high * part[1]) / height) * 100}%`,
    });
    [this.heat.width, this.heat.height] = [maps.across, maps.down];
    this.pixels = this.ink.createImageData(maps.across, maps.down);
    const joints = side.joints.flatMap((place, joint) => (place ? [this.joint(place, names[joint], joint)] : []));
    this.still.replaceChildren(svg("rect", { ...rectangle(side.frame), class: "frame" }), ...joints);
    for (const line of [this.cell, this.across, this.down, this.region]) set(line, { "stroke-width": this.unit * 0.3 });
  }

  /** @param {Point} place @param {string} name @param {number} joint */
  joint([x, y], name, joint) {
    const circle = svg("circle", {
      cx: x, cy: y, r: this.unit * (joint > 13 ? 0.8 : 1.2), class: "joint", "stroke-width": this.unit * 0.35,
    });
    const title = svg("title", {});
    title.textContent = name;
    circle.append(title);
    return circle;
  }

  /** Heat over the frame; none: the picture as it is. @param {Glow[]} glows later ones on top */
  glow(glows) {
    this.heat.hidden = !glows.length;
    if (!this.pixels || !glows.length) return;
    const { data } = this.pixels;
    const lit = glows.map(({ map, colour, strength }) => ({
      map, scale: (HOTTEST * strength) / Math.max(largest(map), 1e-9), rgb: components(colour),
    }));
    for (let cell = 0, at = 0; at < data.length; cell++, at += 4) {
      let { red, green, blue, alpha } = DIM;
      [red, green, blue] = [red * alpha, green * alpha, blue * alpha];
      for (const { map, scale, rgb } of lit) {
        const share = map[cell] * scale;
        red += (rgb[0] - red) * share;
        green += (rgb[1] - green) * share;
        blue += (rgb[2] - blue) * share;
        alpha += (1 - alpha) * share;
      }
      data[at] = red / alpha;
      data[at + 1] = green / alpha;
      data[at + 2] = blue / alpha;
      data[at + 3] = alpha * 255;
    }
    this.ink.putImageData(this.pixels, 0, 0);
  }

  /** @param {Mark[]} pins @param {Mark[]} peaks */
  mark(pins, peaks) {
    this.marks.replaceChildren(
      ...pins.flatMap((pin) => (pin.region ? [this.outline(pin.region, pin.colour)] : [])),
      ...peaks.flatMap((peak) => this.labelled(peak, "ring")),
      ...pins.flatMap((pin) => this.labelled(pin, "pin")),
    );
  }

  /** @param {Box} box @param {string} colour */
  outline(box, colour) {
    return svg("rect", { ...rectangle(box), class: "line", style: `stroke: ${colour}`, "stroke-width": this.unit * 0.5 });
  }

  /** @param {Mark} mark @param {"pin" | "ring"} kind */
  labelled({ place: [x, y], colour, text }, kind) {
    const r = this.unit * 2.6;
    const paint = kind === "pin" ? `fill: ${colour}` : `stroke: ${colour}`;
    const wide = this.unit * (kind === "pin" ? 0.4 : 0.9);
    const circle = svg("circle", { cx: x, cy: y, r, class: kind, style: paint, "stroke-width": wide });
    const label = svg("text", {
      x, y: y + this.unit * 1.25, "font-size": this.unit * 3.6, class: kind, style: kind === "pin" ? "" : `fill: ${colour}`,
      "stroke-width": kind === "pin" ? 0 : this.unit * 0.9,
    });
    label.textContent = text;
    if (kind === "ring") label.setAttribute("y", String(y - r - this.unit * 0.7));
    return [circle, label];
  }

  /** Where it is pointed to, null: nowhere. @param {Cursor | null} cursor @param {Box | null} region */
  point(cursor, region) {
    this.pointed.style.display = cursor && !region ? "" : "none";
    this.region.style.display = region ? "" : "none";
    if (!cursor || !this.side) return;
    this.pointed.style.stroke = this.region.style.stroke = cursor.colour;
    if (region) return set(this.region, rectangle(region));
    const [[x, y], [width, height]] = [cursor.place, this.side.canvas];
    set(this.cell, rectangle(cursor.cell));
    set(this.across, { x1: 0, x2: width, y1: y, y2: y });
    set(this.down, { x1: x, x2: x, y1: 0, y2: height });
  }

  /** A ring at the peak of what is pointed to on the other picture. @param {Point | null} place @param {string} colour */
  peak(place, colour) {
    this.ring.style.display = place ? "" : "none";
    if (!place) return;
    this.ring.style.stroke = colour;
    set(this.ring, { cx: place[0], cy: place[1], r: this.unit * 2.4, "stroke-width": this.unit * 0.8 });
  }

  /** Pixels of the picture that one of the screen takes. */
  scale() {
    const width = this.stage.getBoundingClientRect().width;
    return this.side && width ? this.side.canvas[0] / width : 1;
  }

  /** Where in the picture a pointer is; the nearest place where it is outside. @param {PointerEvent} event @returns {Point} */
  place(event) {
    const box = this.stage.getBoundingClientRect();
    const [width, height] = this.side ? this.side.canvas : [1, 1];
    const within = (/** @type {number} */ part) => Math.min(Math.max(part || 0, 0), 1);
    return [within((event.clientX - box.left) / box.width) * width, within((event.clientY - box.top) / box.height) * height];
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} attributes
 */
export function html(name, attributes) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number>} attributes
 */
function svg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  set(element, attributes);
  return element;
}

/** @param {Element} element @param {Record<string, string | number>} attributes */
function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
}

/** @param {Box} box */
function rectangle([x, y, width, height]) {
  return { x, y, width, height };
}

/** @param {Float32Array} map */
function largest(map) {
  let most = 0;
  for (const value of map) if (value > most) most = value;
  return most;
}

/** @param {string} colour `#rrggbb` @returns {[number, number, number]} */
function components(colour) {
  const number = parseInt(colour.slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}
