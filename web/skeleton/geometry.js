/** Points and directions in the plane: x to the right, y down, angles in radians. */

export const NO_LENGTH = 1e-6; // pixels; a limb as short as this has no direction

/** @type {(a: number, b: number, fraction: number) => number} */
export const mix = (a, b, fraction) => a + (b - a) * fraction;

/** @type {(value: number, min: number, max: number) => number} */
export const within = (value, min, max) => Math.min(max, Math.max(min, value));

/** @type {(a: Point, b: Point) => Point} */
export const plus = (a, b) => [a[0] + b[0], a[1] + b[1]];

/** @type {(a: Point, b: Point) => Point} */
export const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];

/** On the straight line from a to b. @type {(a: Point, b: Point, fraction: number) => Point} */
export const onWay = (a, b, fraction) => [mix(a[0], b[0], fraction), mix(a[1], b[1], fraction)];

/**
 * A point at a distance in a direction.
 * @type {(from: Point, angle: number, length: number) => Point}
 */
export const away = (from, angle, length) => [
	from[0] + length * Math.cos(angle),
	from[1] + length * Math.sin(angle),
];

/** @type {(a: Point, b: Point) => number} */
export const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/** Direction from a to b, 0 where they coincide. @param {Point} a @param {Point} b */
export const direction = (a, b) => Math.atan2(b[1] - a[1], b[0] - a[0]);

/** The same direction within -pi..pi. @param {number} angle */
export const wrapped = (angle) =>
	angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));

/** How sure a detector was of a point, 0 to 1. @param {Point} point */
export const scoreOf = (point) => point[2] ?? 1;

/** A place with a confidence; see `Point`. @type {(place: Point, score: number) => Point} */
export const scored = ([x, y], score) => (score < 1 ? [x, y, score] : [x, y]);

/** Those that are present. @param {Points} points */
export const seen = (points) => points.filter((point) => !!point);

/** A joint known to be present. @param {Points} points @param {number} joint */
export const at = (points, joint) => /** @type {Point} */ (points[joint]);

/** @param {Point[]} points at least one */
export function mean(points) {
	const [x, y] = points.reduce(plus, [0, 0]);
	return [x / points.length, y / points.length];
}

/** @param {Point[]} points at least one */
export function boxOf(points) {
	const xs = points.map((point) => point[0]);
	const ys = points.map((point) => point[1]);
	return {
		left: Math.min(...xs),
		top: Math.min(...ys),
		right: Math.max(...xs),
		bottom: Math.max(...ys),
	};
}

/** @type {(box: Box) => Point} */
export const middleOf = ({ left, top, right, bottom }) => [(left + right) / 2, (top + bottom) / 2];

/** @type {(point: Point, centre: Point, angle: number, scale?: number) => Point} */
export function turnedPoint(point, centre, angle, scale = 1) {
	const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
	const [x, y] = minus(point, centre);
	return [centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y];
}

/** Where a part of the body is and which way it points. */
export class Frame {
	/** @param {Point} origin @param {number} angle */
	constructor(origin, angle) {
		this.origin = origin;
		this.angle = angle;
	}

	/** A place as [along, across]. @param {Point} point */
	inside(point) {
		return turnedPoint(minus(point, this.origin), [0, 0], -this.angle);
	}

	/** Inverse of `inside`. @param {Point} place */
	outside(place) {
		return plus(this.origin, turnedPoint(place, [0, 0], this.angle));
	}

	/** @param {Frame} other @param {number} fraction */
	towards(other, fraction) {
		return new Frame(
			onWay(this.origin, other.origin, fraction),
			this.angle + wrapped(other.angle - this.angle) * fraction,
		);
	}

	/** A point that moves in a straight line as seen from the body.
	 * @type {(frameA: Frame, a: Point, frameB: Frame, b: Point, fraction: number) => Point} */
	mixed(frameA, a, frameB, b, fraction) {
		return this.outside(onWay(frameA.inside(a), frameB.inside(b), fraction));
	}
}
