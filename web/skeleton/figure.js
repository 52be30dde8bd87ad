/** A skeleton drawn in SVG: in the editor, under it, and small in the library and on the strip. */

import { jointColour, LIMBS, openPoseColour } from "./anatomy.js";
import { boxOf, middleOf, seen } from "./geometry.js";
import { svg } from "./page.js";

/**
 * Lines for the limbs that are there.
 * @param {Points} points @param {Attributes} attributes @param {boolean} [openPose] its colours
 */
export function limbs(points, attributes, openPose = false) {
	return LIMBS.flatMap(([a, b], number) => {
		const [from, to] = [points[a], points[b]];
		if (!from || !to) return [];
		const [[x1, y1], [x2, y2]] = [from, to];
		const stroke = openPose ? openPoseColour(number, 0.6) : jointColour(b);
		const colour = { stroke, "stroke-linecap": "round" };
		return [svg("line", { x1, y1, x2, y2, ...colour, ...attributes })];
	});
}

/**
 * A small image of some people.
 * @param {Points[]} people
 * @param {{left: number, top: number, width: number, height: number} | null} view null: all
 */
export function thumbnail(people, view = null) {
	const there = people.flatMap(seen);
	const box = there.length ? boxOf(there) : { left: 0, top: 0, right: 1, bottom: 1 };
	const side = Math.max(box.right - box.left, box.bottom - box.top, 1e-3) * 1.16;
	const [x, y] = middleOf(box);
	const { left, top, width, height } = view ?? {
		left: x - side / 2,
		top: y - side / 2,
		width: side,
		height: side,
	};
	const image = svg("svg", {
		viewBox: `${left} ${top} ${width} ${height}`,
		class: "thumbnail",
		"aria-hidden": "true",
	});
	image.append(
		...people.flatMap((points) => limbs(points, { "stroke-width": Math.max(width, height) / 26 })),
	);
	return image;
}
