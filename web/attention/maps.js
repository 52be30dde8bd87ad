/**
 * All attention of one drawn picture, as `dptn_core/attention_maps.py` packs it, and the questions it answers: where did a
 * place of the target look, and which places of the target used a place of the source. No page is needed.
 *
 * A cell is a square of tokens, the smallest thing that can be asked about; places are pixels of the target or source picture.
 */

/**
 * @typedef {object} Maps
 * @property {number} layers
 * @property {number} heads
 * @property {number} rows tokens from top to bottom, of target and source alike
 * @property {number} columns tokens from left to right
 * @property {number} block tokens along the side of a cell; at the right and lower edge there may be fewer
 * @property {number} down cells from top to bottom
 * @property {number} across cells from left to right
 * @property {Uint8Array} values layer, head, target cell, source cell: 255 * sqrt(share / highest of that target cell)
 * @property {Float32Array} highest layer, head, target cell: the largest share
 */

/** @typedef {"target" | "source"} Side */
/** @typedef {[number, number]} Point x and y */
/** @typedef {[number, number, number, number]} Box left, top, width and height */
/** @typedef {{layer: number | null, head: number | null}} Choice null: all of them, averaged */
/** @typedef {{x: number, y: number, cell: number, share: number}} Peak x and y in tokens */

/** A file that cannot be read; the message says why. */
export class MapsError extends Error {}

const SHARE = Float32Array.from({ length: 256 }, (_, value) => (value / 255) ** 2);
const VERSION = "1";

/**
 * Read an unpacked safetensors file.
 * @param {ArrayBuffer} buffer
 * @returns {Maps}
 */
export function readMaps(buffer) {
  const header = readHeader(buffer);
  const { version, rows, columns, block } = header.__metadata__ ?? {};
  if (version !== VERSION) throw new MapsError(`attention of version ${version} cannot be read, only version ${VERSION}`);
  const [values, highest] = [tensor(header, "values", "U8", 4), tensor(header, "highest", "F32", 3)];
  const [layers, heads, cells] = values.shape;
  const maps = {
    layers,
    heads,
    rows: Number(rows),
    columns: Number(columns),
    block: Number(block),
    down: Math.ceil(Number(rows) / Number(block)),
    across: Math.ceil(Number(columns) / Number(block)),
    values: new Uint8Array(buffer.slice(...values.span)),
    highest: new Float32Array(buffer.slice(...highest.span)), // a slice, as its place in the file need not be aligned
  };
  const whole = layers * heads * cells;
  if (maps.down * maps.across !== cells || maps.values.length !== whole * cells || maps.highest.length !== whole) {
    throw new MapsError("the sizes in the attention file contradict each other");
  }
  return maps;
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {any} what the file says of its tensors
 */
function readHeader(buffer) {
  try {
    const length = Number(new DataView(buffer).getBigUint64(0, true));
    return { ...JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length))), start: 8 + length };
  } catch {
    throw new MapsError("this is no attention file");
  }
}

/**
 * @param {any} header
 * @param {string} name
 * @param {string} kind
 * @param {number} dimensions
 * @returns {{shape: number[], span: [number, number]}}
 */
function tensor(header, name, kind, dimensions) {
  const { dtype, shape, data_offsets: offsets } = header[name] ?? {};
  if (dtype !== kind || shape?.length !== dimensions) throw new MapsError(`the attention file has no proper '${name}'`);
  return { shape, span: [header.start + offsets[0], header.start + offsets[1]] };
}

/**
 * What some cells of one side have to do with each cell of the other.
 * @param {Maps} maps
 * @param {Choice} choice
 * @param {Side} side of the cells that are asked about
 * @param {number[]} asked cells
 * @returns {Float32Array} asked of the target: the mean of those cells' attention to each source cell, sums to 1; asked of
 *   the source: the share of each target cell's attention that those cells got together
 */
export function answer(maps, choice, side, asked) {
  const cells = maps.down * maps.across;
  const found = new Float32Array(cells);
  const layers = choice.layer === null ? range(maps.layers) : [choice.layer];
  const heads = choice.head === null ? range(maps.heads) : [choice.head];
  const part = 1 / (layers.length * heads.length);
  for (const layer of layers) {
    for (const head of heads) {
      const first = (layer * maps.heads + head) * cells;
      if (side === "target") addRows(maps, first, asked, part / asked.length, found);
      else addColumns(maps, first, asked, part, found);
    }
  }
  return found;
}

/** @param {Maps} maps @param {number} first @param {number[]} asked @param {number} part @param {Float32Array} found */
function addRows({ values, highest }, first, asked, part, found) {
  for (const cell of asked) {
    const scale = highest[first + cell] * part;
    const start = (first + cell) * found.length;
    for (let other = 0; other < found.length; other++) found[other] += SHARE[values[start + other]] * scale;
  }
}

/** @param {Maps} maps @param {number} first @param {number[]} asked @param {number} part @param {Float32Array} found */
function addColumns({ values, highest }, first, asked, part, found) {
  for (let other = 0; other < found.length; other++) {
    const start = (first + other) * found.length;
    let sum = 0;
    for (const cell of asked) sum += SHARE[values[start + cell]];
    found[other] += sum * highest[first + other] * part;
  }
}

/**
 * Middle of mass within one cell of the highest one, as `dptn_core/attention.py` finds it.
 * @param {Maps} maps
 * @param {Float32Array} map a value for each cell
 * @returns {Peak} share is the mass around the peak
 */
export function peakOf(maps, map) {
  let cell = 0;
  for (let other = 1; other < map.length; other++) if (map[other] > map[cell]) cell = other;
  const [row, column] = [Math.floor(cell / maps.across), cell % maps.across];
  let [mass, x, y] = [0, 0, 0];
  for (let down = Math.max(row - 1, 0); down <= Math.min(row + 1, maps.down - 1); down++) {
    for (let across = Math.max(column - 1, 0); across <= Math.min(column + 1, maps.across - 1); across++) {
      const value = map[down * maps.across + across];
      mass += value;
      x += value * middle(across, maps.block, maps.columns);
      y += value * middle(down, maps.block, maps.rows);
    }
  }
  const some = Math.max(mass, 1e-9);
  return { x: x / some, y: y / some, cell, share: Math.min(some, 1) };
}

/**
 * The cell that a place belongs to; outside the frame the nearest one.
 * @param {Maps} maps
 * @param {Box} frame the part of the picture that the network sees
 * @param {Point} place
 */
export function cellAt(maps, frame, [x, y]) {
  const column = Math.floor(((x - frame[0]) / frame[2]) * maps.columns);
  const row = Math.floor(((y - frame[1]) / frame[3]) * maps.rows);
  const [across, down] = [clamped(column, maps.columns), clamped(row, maps.rows)].map((at) => Math.floor(at / maps.block));
  return down * maps.across + across;
}

/**
 * The cells that a rectangle touches.
 * @param {Maps} maps
 * @param {Box} frame
 * @param {Box} region
 * @returns {number[]}
 */
export function cellsIn(maps, frame, [left, top, width, height]) {
  const first = cellAt(maps, frame, [left, top]);
  const last = cellAt(maps, frame, [left + width, top + height]);
  const found = [];
  for (let row = Math.floor(first / maps.across); row <= Math.floor(last / maps.across); row++) {
    for (let column = first % maps.across; column <= last % maps.across; column++) found.push(row * maps.across + column);
  }
  return found;
}

/**
 * The pixels of a cell.
 * @param {Maps} maps
 * @param {Box} frame
 * @param {number} cell
 * @returns {Box}
 */
export function boxOf(maps, frame, cell) {
  const [row, column] = [Math.floor(cell / maps.across), cell % maps.across];
  const [left, top] = pixels(maps, frame, [column * maps.block, row * maps.block]);
  const end = [Math.min((column + 1) * maps.block, maps.columns), Math.min((row + 1) * maps.block, maps.rows)];
  const [right, bottom] = pixels(maps, frame, /** @type {Point} */ (end));
  return [left, top, right - left, bottom - top];
}

/**
 * Where a place in tokens lies in the picture.
 * @param {Maps} maps
 * @param {Box} frame
 * @param {Point} tokens
 * @returns {Point}
 */
export function pixels(maps, frame, [x, y]) {
  return [frame[0] + (x / maps.columns) * frame[2], frame[1] + (y / maps.rows) * frame[3]];
}

/** @param {number} cell @param {number} block @param {number} tokens */
function middle(cell, block, tokens) {
  return (cell * block + Math.min((cell + 1) * block, tokens)) / 2;
}

/** @param {number} at @param {number} count */
function clamped(at, count) {
  return Math.min(Math.max(at, 0), count - 1);
}

/** @param {number} count */
function range(count) {
  return Array.from({ length: count }, (_, index) => index);
}
