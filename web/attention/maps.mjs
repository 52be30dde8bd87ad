/**
 * All attention of one generated image, as `dptn_core/inference/attention_maps.py` packs it. A cell
 * is a square of tokens, the smallest unit; places are pixels of the target or source image.
 */

/** A file that cannot be read; the message says why. */
export class MapsError extends Error {}

const WEIGHTS = Float32Array.from({ length: 256 }, (_, value) => (value / 255) ** 2);
const VERSION = "1";

/** Read an unpacked safetensors file. @param {ArrayBuffer} buffer */
export function readMaps(buffer) {
	/** @type {Record<string, {dtype?: string, shape?: number[], data_offsets?: number[]}>} */
	let header;
	/** @type {Record<string, string>} */
	let metadata;
	let start = 8;
	try {
		start += Number(new DataView(buffer).getBigUint64(0, true));
		({ __metadata__: metadata = {}, ...header } = JSON.parse(
			new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8)),
		));
	} catch {
		throw new MapsError("not an attention file");
	}
	const { version, ...sizes } = metadata;
	if (version !== VERSION)
		throw new MapsError(`attention of version ${version} cannot be read, only version ${VERSION}`);
	// a copy: its place in the file need not be aligned
	const tensor = (/** @type {string} */ name, /** @type {string} */ kind, axes = 3) => {
		const { dtype, shape, data_offsets: span } = header[name] ?? {};
		if (dtype !== kind || shape?.length !== axes || !span)
			throw new MapsError(`the attention file has no valid '${name}'`);
		return { shape, data: buffer.slice(start + span[0], start + span[1]) };
	};
	const { shape, data } = tensor("values", "U8", 4);
	const [layers, heads, cells] = shape.map(Number);
	// layer, head, target cell, source cell: 255 * sqrt(fraction / highest)
	const values = new Uint8Array(data);
	// layer, head, target cell: the largest fraction
	const highest = new Float32Array(tensor("highest", "F32").data);
	// tokens, of target and source alike, and of a cell's side; cells at the far edges may be cut
	const [rows, columns, block] = [sizes.rows, sizes.columns, sizes.block].map(Number);
	const [down, across] = [Math.ceil(rows / block), Math.ceil(columns / block)];
	if (
		down * across !== cells ||
		highest.length !== layers * heads * cells ||
		values.length !== highest.length * cells
	) {
		throw new MapsError("the sizes in the attention file contradict each other");
	}
	return { layers, heads, rows, columns, block, down, across, values, highest };
}

/**
 * For cells of the target: the mean of their attention to each source cell; for cells of the
 * source: the fraction of each target cell's attention that they got together.
 * @param {Maps} maps @param {Choice} choice @param {Side} side @param {number[]} asked cells
 */
export function answer(maps, { layer, head }, side, asked) {
	const cells = maps.down * maps.across;
	const found = new Float32Array(cells);
	const forward = side === "target";
	const [targets, sources] = forward ? [asked, range(cells)] : [range(cells), asked];
	const heads = range(maps.heads).filter((one) => one === (head ?? one));
	const chosen = range(maps.layers).flatMap((one) =>
		one === (layer ?? one) ? heads.map((at) => one * maps.heads + at) : [],
	);
	const part = 1 / (chosen.length * (forward ? asked.length : 1));
	for (const one of chosen) {
		for (const target of targets) {
			const row = one * cells + target;
			const scale = maps.highest[row] * part;
			for (const source of sources)
				found[forward ? source : target] += WEIGHTS[maps.values[row * cells + source]] * scale;
		}
	}
	return found;
}

/**
 * Middle of mass (in tokens) within one cell of the highest one, as `inference/attention.py` finds
 * it, and that mass.
 * @param {Maps} maps @param {Float32Array} map
 */
export function peakOf(maps, map) {
	const cell = map.indexOf(Math.max(...map));
	const [row, column] = placeOf(maps, cell);
	let [mass, x, y] = [0, 0, 0];
	for (const [near, value] of map.entries()) {
		const [down, across] = placeOf(maps, near);
		if (Math.abs(down - row) > 1 || Math.abs(across - column) > 1) continue;
		const [left, top, width, height] = tokensOf(maps, near);
		mass += value;
		x += value * (left + width / 2);
		y += value * (top + height / 2);
	}
	mass = Math.max(mass, 1e-9);
	return { x: x / mass, y: y / mass, cell, fraction: Math.min(mass, 1) };
}

/**
 * The cell of a place; outside the frame the nearest one.
 * @param {Maps} maps @param {MapBox} frame @param {Point} place
 */
export function cellAt({ rows, columns, block, across }, frame, [x, y]) {
	const parts = [
		[(y - frame[1]) / frame[3], rows],
		[(x - frame[0]) / frame[2], columns],
	];
	const [row, column] = parts.map(([part, max]) =>
		Math.floor(Math.max(Math.min(part * max, max - 1), 0) / block),
	);
	return row * across + column;
}

/**
 * The cells that a rectangle touches.
 * @param {Maps} maps @param {MapBox} frame @param {MapBox} region
 */
export function cellsIn(maps, frame, [left, top, width, height]) {
	const first = placeOf(maps, cellAt(maps, frame, [left, top]));
	const last = placeOf(maps, cellAt(maps, frame, [left + width, top + height]));
	const every = range(maps.down * maps.across);
	return every.filter((cell) =>
		placeOf(maps, cell).every((at, axis) => first[axis] <= at && at <= last[axis]),
	);
}

/** The pixels of a cell. @param {Maps} maps @param {MapBox} frame @param {number} cell */
export function boxOf(maps, frame, cell) {
	const [left, top, width, height] = tokensOf(maps, cell);
	const [x, y] = pixels(maps, frame, [left, top]);
	return [x, y, (width / maps.columns) * frame[2], (height / maps.rows) * frame[3]];
}

/**
 * Where a place in tokens lies in the image.
 * @param {Maps} maps @param {MapBox} frame @param {Point} tokens
 */
export function pixels(maps, frame, [x, y]) {
	return [frame[0] + (x / maps.columns) * frame[2], frame[1] + (y / maps.rows) * frame[3]];
}

/** Row and column of a cell. @param {Maps} maps @param {number} cell */
function placeOf({ across }, cell) {
	return [Math.floor(cell / across), cell % across];
}

/** @param {Maps} maps @param {number} cell */
function tokensOf(maps, cell) {
	const { rows, columns, block } = maps;
	const [top, left] = placeOf(maps, cell).map((at) => at * block);
	return [left, top, Math.min(block, columns - left), Math.min(block, rows - top)];
}

/** @param {number} count */
function range(count) {
	return [...Array(count).keys()];
}
