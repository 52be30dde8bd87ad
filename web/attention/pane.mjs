/**
 * One of the two images, the heat on it and the marks on top. It draws what it is given and locates
 * pointers.
 */

import { html, svg } from "../skeleton/page.js";

// over the image, so that the heat stands out; red, green and blue times alpha
const DIM = [5, 5.6, 7.4, 0.62];
const HOTTEST = 0.9;
const UNIT = 1 / 80; // of an image's longer side, for the sizes of marks
const RADIUS = { pin: 2.6, ring: 2.6, peak: 2.4 };
const BASELINE = { pin: 1.25, ring: -3.3, peak: 0 };

export class Pane {
	/** @param {string} label @param {string} help */
	constructor(label, help) {
		this.image = html("img", { alt: "", draggable: "false" });
		this.heat = html("canvas");
		const ink = this.heat.getContext("2d");
		if (!ink) throw new Error("the browser has no 2D canvas");
		this.ink = ink;
		/** Width and height of the image. @type {Point} */
		this.canvas = [1, 1];
		this.unit = 1; // pixels of the image, for the sizes of marks
		this.svg = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
		this.still = svg("g", {}); // frame and joints
		this.marks = svg("g", {});
		this.svg.append(this.still, this.marks);
		const named = {
			tabindex: 0,
			role: "application",
			"aria-label": label,
			"aria-description": help,
		};
		this.stage = html("div", { class: "stage", ...named }, this.image, this.heat, this.svg);
		const room = html("div", { class: "room" }, this.stage);
		this.element = html("div", { class: "pane" }, html("div", { class: "name" }, label), room);
	}

	/** @param {RunSide} side @param {Maps} maps @param {string[]} names of the joints */
	show(side, { across, down, block, columns, rows }, names) {
		this.canvas = side.canvas;
		const [width, height] = side.canvas;
		const [left, top, wide, high] = side.frame;
		this.unit = Math.max(width, height) * UNIT;
		this.stage.style.setProperty("--ratio", String(width / height));
		this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
		// cells at the right and lower edge may reach beyond the frame
		const [right, bottom] = [(across * block * wide) / columns, (down * block * high) / rows];
		const parts = {
			left: left / width,
			top: top / height,
			width: right / width,
			height: bottom / height,
		};
		for (const [name, part] of Object.entries(parts))
			this.heat.style.setProperty(name, `${part * 100}%`);
		[this.heat.width, this.heat.height] = [across, down];
		this.still.replaceChildren(svg("rect", { ...rectangle(side.frame), class: "frame" }));
		for (const [joint, place] of side.joints.entries()) {
			if (!place) continue;
			const r = this.unit * (joint > 13 ? 0.8 : 1.2);
			const [cx, cy] = place;
			const circle = svg("circle", { cx, cy, r, class: "joint", "stroke-width": this.unit * 0.35 });
			circle.append(svg("title", {}, names[joint]));
			this.still.append(circle);
		}
	}

	/** @param {Mark[]} marks */
	draw(marks) {
		const glows = marks.flatMap(({ map, colour, strength = 1 }) =>
			map ? [{ map, colour, strength }] : [],
		);
		this.marks.replaceChildren(...marks.flatMap((mark) => this.drawn(mark)));
		this.heat.hidden = !glows.length;
		if (!glows.length) return;
		const lit = glows.map(({ map, colour, strength }) => {
			const rgb = parseInt(colour.slice(1), 16);
			const scale = (HOTTEST * strength) / Math.max(...map, 1e-9);
			return { map, scale, full: [rgb >> 16, (rgb >> 8) & 255, rgb & 255, 1] };
		});
		const pixels = this.ink.createImageData(this.heat.width, this.heat.height);
		for (let at = 0; at < pixels.data.length; at += 4) {
			const mixed = [...DIM];
			for (const { map, scale, full } of lit) {
				for (const [channel, max] of full.entries())
					mixed[channel] += (max - mixed[channel]) * map[at / 4] * scale;
			}
			const [red, green, blue, alpha] = mixed;
			pixels.data.set([red / alpha, green / alpha, blue / alpha, alpha * 255], at);
		}
		this.ink.putImageData(pixels, 0, 0);
	}

	/** @param {Mark} mark */
	drawn({ kind, at: [x, y], colour, box, text = "" }) {
		const style = `color: ${colour}`;
		const found = box ? [svg("rect", { ...rectangle(box), class: "line", style })] : [];
		if (kind === "region") return found;
		if (kind === "cursor") {
			const cross = `M0 ${y}H${this.canvas[0]}M${x} 0V${this.canvas[1]}`;
			return [...found, svg("path", { d: cross, class: "thin line", style })];
		}
		const spot = svg("g", { transform: `translate(${x} ${y}) scale(${this.unit})`, style });
		spot.append(
			svg("circle", { r: RADIUS[kind], class: kind }),
			svg("text", { y: BASELINE[kind], class: kind }, text),
		);
		return [...found, spot];
	}

	/** Image pixels in one of the screen. */
	scale() {
		return this.canvas[0] / this.stage.getBoundingClientRect().width;
	}

	/** Where in the image a pointer is; outside it, the nearest place. @param {PointerEvent} event */
	place({ clientX, clientY }) {
		const { left, top, width, height } = this.stage.getBoundingClientRect();
		const within = (/** @type {number} */ part) => Math.min(Math.max(part || 0, 0), 1);
		return [
			within((clientX - left) / width) * this.canvas[0],
			within((clientY - top) / height) * this.canvas[1],
		];
	}
}

/** @type {(box: MapBox) => Attributes} */
const rectangle = ([x, y, width, height]) => ({ x, y, width, height });
