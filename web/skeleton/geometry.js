/** Points and directions in the plane: x to the right, y down, angles in radians. */

export const NO_LENGTH = 1e-6; // pixels; a limb as short as this has no direction

/** @type {(a: number, b: number, share: number) => number} */
export const mix = (a, b, share) => a + (b - a) * share;

/** @type {(value: number, least: number, most: number) => number} */
export const within = (value, least, most) => Math.min(most, Math.max(least, value));

/** @type {(a: Point, b: Point) => Point} */
export const plus = (a, b) => [a[0] + b[0], a[1] + b[1]];

/** @type {(a: Point, b: Point) => Point} */
export const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];

/** On the straight line from a to b. @type {(a: Point, b: Point, share: number) => Point} */
export const onWay = (a, b, share) => [mix(a[0], b[0], share), mix(a[1], b[1], share)];

/** So far away in a direction. @type {(from: Point, angle: number, length: number) => Point} */
export const away = (from, angle, length) => [
	from[0] + length * Math.cos(angle),
	from[1] + length * Math.sin(angle),
];

/** @type {(a: Point, b: Point) => number} */
export const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/** Direction from a to b; 0 where they are one. @type {(a: Point, b: Point) => number} */
export const direction = (a, b) => Math.atan2(b[1] - a[1], b[0] - a[0]);

/** The same direction within -pi..pi. @param {number} angle */
export const wrapped = (angle) =>
	angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));

/** Those that are there. @param {Points} points */
export const seen = (points) => points.filter((point) => point !== null);

/** @type {(points: Point[]) => Point} of at least one */
export function mean(points) {
	const [x, y] = points.reduce(plus, [0, 0]);
	return [x / points.length, y / points.length];
}

/** A point that is known to be there. @type {(points: Points, index: number) => Point} */
export function at(points, index) {
	const point = points[index];
	if (!point) throw new Error(`point ${index} is missing`);
	return point;
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

	/** The other way round. @param {Point} place */
	outside(place) {
		return plus(this.origin, turnedPoint(place, [0, 0], this.angle));
	}

	/** @param {Frame} other @param {number} share */
	towards(other, share) {
		return new Frame(
			onWay(this.origin, other.origin, share),
			this.angle + wrapped(other.angle - this.angle) * share,
		);
	}

	/** A point that moves in a straight line as seen from the body.
	 * @type {(frameA: Frame, a: Point, frameB: Frame, b: Point, share: number) => Point} */
	mixed(frameA, a, frameB, b, share) {
		return this.outside(onWay(frameA.inside(a), frameB.inside(b), share));
	}
}
