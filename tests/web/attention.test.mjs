// What the attention explorer computes, without a page: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
	answer,
	boxOf,
	cellAt,
	cellsIn,
	MapsError,
	peakOf,
	pixels,
	readMaps,
} from "../../web/attention/maps.mjs";
import {
	COLOURS,
	MAX_PINS,
	nearest,
	nextColour,
	pinned,
	pinsFor,
	pointsText,
} from "../../web/attention/pins.mjs";

const BOTH = { layer: null, head: null };

/** A safetensors file, spelt out. */
function file({
	layers = 1,
	heads = 1,
	rows = 2,
	columns = 2,
	block = 1,
	values,
	highest,
	version = "1",
	dtype = "U8",
}) {
	const cells = Math.ceil(rows / block) * Math.ceil(columns / block);
	const wide = new Float32Array(highest);
	const header = JSON.stringify({
		__metadata__: { version, rows: String(rows), columns: String(columns), block: String(block) },
		highest: { dtype: "F32", shape: [layers, heads, cells], data_offsets: [0, wide.byteLength] },
		values: {
			dtype,
			shape: [layers, heads, cells, cells],
			data_offsets: [wide.byteLength, wide.byteLength + values.length],
		},
	});
	// not padded, so that nothing in the file is aligned by luck
	const text = new TextEncoder().encode(header);
	const buffer = new ArrayBuffer(8 + text.length + wide.byteLength + values.length);
	new DataView(buffer).setBigUint64(0, BigInt(text.length), true);
	const bytes = new Uint8Array(buffer);
	bytes.set(text, 8);
	bytes.set(new Uint8Array(wide.buffer), 8 + text.length);
	bytes.set(values, 8 + text.length + wide.byteLength);
	return buffer;
}

/** Two layers of two heads, each row on one cell: l * 2 + h cells further in layer l, head h. */
function turning() {
	const values = [];
	for (let turn = 0; turn < 4; turn++) {
		for (let target = 0; target < 4; target++) {
			for (let source = 0; source < 4; source++)
				values.push(source === (target + turn) % 4 ? 255 : 0);
		}
	}
	return readMaps(file({ layers: 2, heads: 2, values, highest: Array(16).fill(1) }));
}

function plain(rows, columns, block = 1) {
	const cells = Math.ceil(rows / block) * Math.ceil(columns / block);
	return readMaps(
		file({
			rows,
			columns,
			block,
			values: Array(cells * cells).fill(0),
			highest: Array(cells).fill(0),
		}),
	);
}

test("a row is a place's attention by layer and head, or averaged over what is not chosen", () => {
	const maps = turning();
	assert.deepEqual([...answer(maps, { layer: 0, head: 0 }, "target", [1])], [0, 1, 0, 0]);
	assert.deepEqual([...answer(maps, { layer: 1, head: 1 }, "target", [1])], [1, 0, 0, 0]);
	assert.deepEqual([...answer(maps, { layer: 1, head: null }, "target", [1])], [0.5, 0, 0, 0.5]);
	assert.deepEqual([...answer(maps, { layer: null, head: 0 }, "target", [1])], [0, 0.5, 0, 0.5]);
	assert.deepEqual([...answer(maps, BOTH, "target", [1])], [0.25, 0.25, 0.25, 0.25]);
});

test("a column says which target places used a source place", () => {
	const maps = turning();
	assert.deepEqual([...answer(maps, { layer: 0, head: 1 }, "source", [0])], [0, 0, 0, 1]);
	assert.deepEqual([...answer(maps, { layer: 0, head: null }, "source", [0])], [0.5, 0, 0, 0.5]);
});

test("a target region is the mean of its rows, a source region the sum of its columns", () => {
	const maps = turning();
	assert.deepEqual([...answer(maps, { layer: 0, head: 0 }, "target", [0, 1])], [0.5, 0.5, 0, 0]);
	assert.deepEqual([...answer(maps, { layer: 0, head: null }, "source", [0, 1])], [1, 0.5, 0, 0.5]);
});

test("bytes stand for the square of their part of the row's highest fraction", () => {
	const maps = readMaps(
		file({ values: [255, 51, 0, 0, ...Array(12).fill(0)], highest: [0.5, 0, 0, 0] }),
	);
	const [highest, other] = answer(maps, BOTH, "target", [0]);
	assert.equal(highest, 0.5);
	assert.ok(Math.abs(other - 0.5 * 0.04) < 1e-7);
	assert.equal(answer(maps, BOTH, "source", [0])[0], 0.5);
});

test("the peak is the middle of mass within a cell of the highest, and no farther", () => {
	const maps = plain(4, 5);
	const map = new Float32Array(20);
	[map[6], map[7], map[19]] = [0.4, 0.2, 0.3];
	const { x, y, cell, fraction } = peakOf(maps, map);
	assert.ok(Math.abs(x - (1.5 * 0.4 + 2.5 * 0.2) / 0.6) < 1e-6 && Math.abs(y - 1.5) < 1e-6);
	assert.equal(cell, 6);
	assert.ok(Math.abs(fraction - 0.6) < 1e-6);
});

test("the peak does not reach round from one edge to the other", () => {
	const maps = plain(3, 3);
	const map = new Float32Array(9);
	[map[2], map[3]] = [0.6, 0.4];
	assert.deepEqual(peakOf(maps, map).x, 2.5);
	assert.equal(peakOf(maps, new Float32Array(9)).fraction, 1e-9);
});

test("the last cells of a grid that does not divide are smaller, their middle nearer", () => {
	const maps = plain(5, 3, 2);
	assert.deepEqual([maps.down, maps.across], [3, 2]);
	const map = new Float32Array(6);
	map[5] = 1;
	const { x, y } = peakOf(maps, map);
	assert.deepEqual([x, y], [2.5, 4.5]);
	assert.deepEqual(boxOf(maps, [0, 0, 30, 50], 5), [20, 40, 10, 10]);
	assert.deepEqual(boxOf(maps, [0, 0, 30, 50], 0), [0, 0, 20, 20]);
});

test("places and cells go through the frame and back", () => {
	const maps = plain(4, 3);
	const frame = [10, -20, 30, 80];
	for (let cell = 0; cell < 12; cell++) {
		const [left, top, width, height] = boxOf(maps, frame, cell);
		assert.deepEqual([width, height], [10, 20]);
		for (const [x, y] of [
			[0.01, 0.01],
			[0.99, 0.01],
			[0.5, 0.99],
		]) {
			assert.equal(cellAt(maps, frame, [left + x * width, top + y * height]), cell);
		}
	}
	assert.deepEqual(pixels(maps, frame, [1.5, 2]), [25, 20]);
	assert.equal(cellAt(maps, frame, [-500, -500]), 0);
	assert.equal(cellAt(maps, frame, [40, 60]), 11); // the end of the frame
	assert.equal(cellAt(maps, frame, [900, 0]), 5);
});

test("a rectangle asks about every cell it touches", () => {
	const maps = plain(4, 3);
	assert.deepEqual(cellsIn(maps, [0, 0, 30, 40], [11, 15, 0, 0]), [4]);
	assert.deepEqual(cellsIn(maps, [0, 0, 30, 40], [5, 15, 10, 12]), [3, 4, 6, 7]);
	assert.equal(cellsIn(maps, [0, 0, 30, 40], [-50, -50, 500, 500]).length, 12);
});

test("files that cannot be read are refused in words", () => {
	const right = { values: Array(16).fill(0), highest: Array(4).fill(0) };
	assert.equal(readMaps(file(right)).layers, 1);
	for (const [wrong, said] of [
		[new ArrayBuffer(3), /not an attention file/],
		[new TextEncoder().encode("<!doctype html><title>404</title>").buffer, /not an attention file/],
		[file({ ...right, version: "2" }), /version 2/],
		[file({ ...right, dtype: "F16" }), /no valid 'values'/],
		[file({ ...right, block: 0 }), /contradict/],
		[file(right).slice(0, -1), /contradict/],
	]) {
		assert.throws(
			() => readMaps(wrong),
			(error) => error instanceof MapsError && said.test(error.message),
		);
	}
});

const at = (x, y, side = "target", joint = null, size = [0, 0]) => ({
	side,
	box: [x, y, ...size],
	joint,
});

test("pins take the colours in turn, and a freed colour comes again", () => {
	let pins = [];
	for (let index = 0; index < COLOURS.length; index++) pins = pinned(pins, at(index, 0));
	assert.equal(new Set(pins.map((pin) => pin.colour)).size, COLOURS.length);
	const [, , freed] = pins;
	assert.equal(nextColour(pins.filter((pin) => pin !== freed)), freed.colour);
	for (let index = 0; index < 99; index++) pins = pinned(pins, at(index, 1));
	assert.equal(pins.length, MAX_PINS);
	assert.equal(pins.at(-1).box[0], 98);
});

test("a joint is pinned once, then unpinned; the same joint of the other image is another", () => {
	const once = pinned([], at(5, 5, "target", 3));
	assert.equal(pinned(once, at(5, 5, "source", 3)).length, 2);
	assert.equal(pinned(once, at(5, 5, "target", 3)).length, 0);
	assert.equal(pinned(once, at(5, 5)).length, 2);
});

test("the nearest place within reach is found", () => {
	assert.equal(nearest([[0, 0], null, [4, 0]], [3, 0], 5), 2);
	assert.equal(nearest([[0, 0], null], [3, 0], 2), null);
});

test("pins follow the joints of the next run, and those outside its pictures go", () => {
	const side = { canvas: [100, 100], joints: [[7, 8], null] };
	const pins = [
		at(1, 1, "target", 0),
		at(1, 1, "target", 1),
		at(50, 50),
		at(99, 99, "source", null, [9, 9]),
	].reduce(pinned, []);
	const kept = pinsFor(pins, { target: side, source: side });
	assert.deepEqual(
		kept.map((pin) => pin.box),
		[
			[7, 8, 0, 0],
			[50, 50, 0, 0],
		],
	);
	assert.deepEqual(
		kept.map((pin) => pin.colour),
		[0, 2],
	);
});

test("points are whole pixels of the target inside it, without regions", () => {
	const pins = [
		at(1.4, 2.6),
		at(9, 9, "source"),
		at(3, 3, "target", null, [5, 5]),
		at(384, 512.4),
	].reduce(pinned, []);
	assert.equal(pointsText(pins, [384, 512]), "1,3; 384,512");
});
