/** Points and directions in the plane: x to the right, y down, angles in radians. */

/** @typedef {[number, number]} Point pixels of the canvas */

export const NO_LENGTH = 1e-6; // pixels; a limb as short as this has no direction

/** @param {number} a @param {number} b @param {number} share */
export const mix = (a, b, share) => a + (b - a) * share;

/** @param {Point} a @param {Point} b */
export const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/** Direction from a to b; that of no way at all is 0. @param {Point} a @param {Point} b */
export const direction = (a, b) => Math.atan2(b[1] - a[1], b[0] - a[0]);

/** The same direction within -pi..pi. @param {number} angle */
export const wrapped = (angle) => angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));

/** @param {Point[]} points at least one @returns {Point} */
export function mean(points) {
  const sum = points.reduce((total, point) => [total[0] + point[0], total[1] + point[1]], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** @param {Point[]} points at least one */
export function boxOf(points) {
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** Turned about a centre. @param {Point} point @param {Point} centre @param {number} angle @param {number} [scale] @returns {Point} */
export function turnedPoint(point, centre, angle, scale = 1) {
  const [cos, sin] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
  const [x, y] = [point[0] - centre[0], point[1] - centre[1]];
  return [centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y];
}

/** Where a part of the body is and which way it points. */
export class Frame {
  /** @param {Point} origin @param {number} angle */
  constructor(origin, angle) {
    this.origin = origin;
    this.angle = angle;
  }

  /** A place as [along, across]. @param {Point} point @returns {Point} */
  inside(point) {
    const [dx, dy] = [point[0] - this.origin[0], point[1] - this.origin[1]];
    const [cos, sin] = [Math.cos(this.angle), Math.sin(this.angle)];
    return [cos * dx + sin * dy, cos * dy - sin * dx];
  }

  /** The other way round. @param {Point} place @returns {Point} */
  outside(place) {
    const [cos, sin] = [Math.cos(this.angle), Math.sin(this.angle)];
    return [this.origin[0] + cos * place[0] - sin * place[1], this.origin[1] + sin * place[0] + cos * place[1]];
  }

  /** @param {Frame} other @param {number} share */
  towards(other, share) {
    return new Frame(
      [mix(this.origin[0], other.origin[0], share), mix(this.origin[1], other.origin[1], share)],
      this.angle + wrapped(other.angle - this.angle) * share,
    );
  }

  /** A point that moves in a straight line as seen from the body. @param {Frame} frameA @param {Point} a @param {Frame} frameB
   * @param {Point} b @param {number} share @returns {Point} */
  mixed(frameA, a, frameB, b, share) {
    const [inA, inB] = [frameA.inside(a), frameB.inside(b)];
    return this.outside([mix(inA[0], inB[0], share), mix(inA[1], inB[1], share)]);
  }
}
