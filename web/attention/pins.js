/** Places that stay asked about, each in a colour of its own. No page is needed. */

/** @typedef {import("./maps.js").Box} Box */
/** @typedef {import("./maps.js").Point} Point */
/** @typedef {import("./maps.js").Side} Side */

/**
 * @typedef {object} Place something that can be asked about
 * @property {Side} side
 * @property {Box} box in pixels; a point has no width and height
 * @property {number | null} joint
 */
/** @typedef {Place & {colour: number}} Pin colour is an index into COLOURS */

/** Okabe and Ito's, told apart by the colour-blind too; without black, brightest first, as the ground is dark. */
export const COLOURS = ["#e69f00", "#56b4e9", "#f0e442", "#009e73", "#d55e00", "#cc79a7", "#4a90d9"];

export const MOST_PINS = 32;

/** @param {{box: Box}} place @returns {Point} */
export function middleOf({ box: [left, top, width, height] }) {
  return [left + width / 2, top + height / 2];
}

/**
 * The colour a new pin gets: the one fewest pins have.
 * @param {Pin[]} pins
 */
export function nextColour(pins) {
  const used = COLOURS.map((_, colour) => pins.filter((pin) => pin.colour === colour).length);
  return used.indexOf(Math.min(...used));
}

/**
 * The pins and one more, or, where that joint is pinned already, without it; the oldest goes where there are too many.
 * @param {Pin[]} pins
 * @param {Place} place
 * @returns {Pin[]}
 */
export function pinned(pins, place) {
  const same = pins.find((pin) => place.joint !== null && pin.joint === place.joint && pin.side === place.side);
  if (same) return pins.filter((pin) => pin !== same);
  const kept = pins.slice(-(MOST_PINS - 1));
  return [...kept, { ...place, colour: nextColour(kept) }];
}

/**
 * What of some places lies within reach of a point, nearest first.
 * @param {(Point | null)[]} places
 * @param {Point} from
 * @param {number} reach in pixels
 * @returns {number | null} its index
 */
export function nearest(places, from, reach) {
  let found = null;
  for (const [index, place] of places.entries()) {
    const away = place === null ? Infinity : Math.hypot(place[0] - from[0], place[1] - from[1]);
    if (away <= reach) [found, reach] = [index, away];
  }
  return found;
}

/**
 * Pins that still make sense when another run has come: joints follow the pose, and nothing stays outside the pictures.
 * @param {Pin[]} pins
 * @param {Record<Side, {canvas: Point, joints: (Point | null)[]}>} sides
 * @returns {Pin[]}
 */
export function carriedOver(pins, sides) {
  return pins.flatMap((pin) => {
    const { canvas, joints } = sides[pin.side];
    if (pin.joint !== null) {
      const place = joints[pin.joint];
      return place ? [{ ...pin, box: [place[0], place[1], 0, 0] }] : [];
    }
    const [left, top, width, height] = pin.box;
    return left + width <= canvas[0] && top + height <= canvas[1] ? [pin] : [];
  });
}

/**
 * The single places of the target among the pins, as the block's `points` are written.
 * @param {Pin[]} pins
 * @param {Point} canvas of the target
 */
export function pointsText(pins, canvas) {
  const whole = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(Math.max(Math.round(value), 0), most);
  return pins
    .filter((pin) => pin.side === "target" && !pin.box[2] && !pin.box[3])
    .map(({ box: [x, y] }) => `${whole(x, canvas[0])},${whole(y, canvas[1])}`)
    .join("; ");
}
