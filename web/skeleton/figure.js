/** A skeleton drawn in SVG: in the editor, under it as a reminder, and small in the library and on the strip. */

import { LIMBS, jointColour } from "./anatomy.js";
import { at } from "./frames.js";
import { boxOf } from "./geometry.js";
import { svg } from "./page.js";

/** @import { Points } from "./pose.js" */

/** Lines for the limbs that are there. @param {Points} points @param {Record<string, string | number>} attributes @returns {SVGLineElement[]} */
export function limbs(points, attributes) {
  return LIMBS.filter(([a, b]) => points[a] && points[b]).map(([a, b]) => {
    const [from, to] = [at(points, a), at(points, b)];
    return svg("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], stroke: jointColour(b), "stroke-linecap": "round", ...attributes });
  });
}

/**
 * A small picture of some people.
 * @param {Points[]} people @param {{left: number, top: number, width: number, height: number} | null} view what to show; null: all
 */
export function thumbnail(people, view = null) {
  const there = people.flatMap((points) => points.filter((point) => point !== null));
  const box = there.length ? boxOf(there) : { left: 0, top: 0, right: 1, bottom: 1 };
  const side = Math.max(box.right - box.left, box.bottom - box.top, 1e-3) * 1.16;
  const middle = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  const shown = view ?? { left: middle[0] - side / 2, top: middle[1] - side / 2, width: side, height: side };
  const width = Math.max(shown.width, shown.height) / 26;
  const picture = svg("svg", {
    viewBox: `${shown.left} ${shown.top} ${shown.width} ${shown.height}`, class: "thumbnail", "aria-hidden": "true",
  });
  picture.append(...people.flatMap((points) => limbs(points, { "stroke-width": width })));
  return picture;
}
