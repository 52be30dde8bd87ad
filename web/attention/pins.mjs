/** Pinned places, each in a colour of its own. */

import { distance, within } from "../skeleton/geometry.js";

/** Okabe and Ito's, for colour-blind eyes too, brightest first, without black. */
// biome-ignore format: a table
export const COLOURS = [
	"#e69f00", "#56b4e9", "#f0e442", "#009e73", "#d55e00", "#cc79a7", "#4a90d9",
];

export const MAX_PINS = 32;

/** @param {{box: MapBox}} place */
export function middleOf({ box: [left, top, width, height] }) {
	return [left + width / 2, top + height / 2];
}

/** @param {Place} place */
export function isRegion({ box: [, , width, height] }) {
	return width > 0 || height > 0;
}

/** The colour a new pin gets: the one fewest pins have. @param {Pin[]} pins */
export function nextColour(pins) {
	const used = COLOURS.map((_, colour) => pins.filter((pin) => pin.colour === colour).length);
	return used.indexOf(Math.min(...used));
}

/**
 * One more pin or, where that joint is pinned already, one less; the oldest makes room.
 * @param {Pin[]} pins @param {Place} place
 */
export function pinned(pins, place) {
	const others = pins.filter(
		({ side, joint }) => joint === null || joint !== place.joint || side !== place.side,
	);
	if (others.length < pins.length) return others;
	const kept = pins.slice(1 - MAX_PINS);
	return [...kept, { ...place, colour: nextColour(kept) }];
}

/**
 * Index of the nearest place within reach, or null.
 * @param {Points} places @param {Point} from @param {number} reach
 */
export function nearest(places, from, reach) {
	/** @type {number | null} */
	let found = null;
	for (const [index, place] of places.entries()) {
		const away = place ? distance(place, from) : Infinity;
		if (away <= reach) [found, reach] = [index, away];
	}
	return found;
}

/**
 * Pins for another run: joints follow the pose, and nothing stays outside the images.
 * @param {Pin[]} pins @param {Record<Side, {canvas: Point, joints: Points}>} sides
 */
export function pinsFor(pins, sides) {
	return pins.flatMap((pin) => {
		const { canvas, joints } = sides[pin.side];
		const [left, top, width, height] = pin.box;
		if (pin.joint === null)
			return left + width <= canvas[0] && top + height <= canvas[1] ? [pin] : [];
		const place = joints[pin.joint];
		return place ? [{ ...pin, box: [...place, 0, 0] }] : [];
	});
}

/**
 * The single places of the target, as the node's `points` are written.
 * @param {Pin[]} pins @param {Point} canvas
 */
export function pointsText(pins, canvas) {
	return pins
		.filter((pin) => pin.side === "target" && !isRegion(pin))
		.map(({ box }) => canvas.map((max, axis) => within(Math.round(box[axis]), 0, max)).join(","))
		.join("; ");
}
