// What the editor makes of the documents that Python reads too:
// tests/core/pose/test_pose_documents.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { PoseTextError, readValue, writeValue } from "../../web/skeleton/value.js";

const FILE = new URL("../core/pose/pose_documents.json", import.meta.url);
const { canvas, documents } = JSON.parse(readFileSync(FILE, "utf8"));
const CANVAS = { width: canvas[0], height: canvas[1] };
const ELSEWHERE = { width: 1, height: 1 };
const NEAR = 1e-3; // pixels, twice what the file leaves out
const WRITTEN = 0.005 + NEAR; // and what a text leaves out

const textOf = ({ text, runs }) =>
	text ?? runs.map(([piece, count]) => piece.repeat(count)).join("");

function read(text) {
	try {
		return readValue(text, CANVAS);
	} catch (error) {
		assert.ok(error instanceof PoseTextError, String(error?.stack));
		assert.ok(error.message.length < 400, error.message);
		return "refused";
	}
}

/** Every part of a person under the names of the file; the editor holds the feet apart. */
function partsOf({ points, parts }) {
	const { footLeft, footRight } = parts;
	const no = [null, null, null];
	const named = {
		body: points,
		hand_left: parts.handLeft,
		hand_right: parts.handRight,
		face: parts.face,
		feet: footLeft || footRight ? [...(footLeft ?? no), ...(footRight ?? no)] : null,
	};
	return Object.fromEntries(Object.entries(named).filter(([, part]) => part));
}

function assertPeople(edit, result, near) {
	assert.deepEqual([edit.canvas.width, edit.canvas.height], result.canvas);
	assert.deepEqual(
		edit.frames.map((people) => people.length),
		result.frames.map((people) => people.length),
	);
	for (const [frame, people] of edit.frames.entries())
		for (const [index, person] of people.entries()) {
			const [found, expected] = [partsOf(person), result.frames[frame][index]];
			assert.deepEqual(Object.keys(found), Object.keys(expected));
			for (const [name, points] of Object.entries(expected))
				for (const [at, point] of points.entries()) {
					const read = found[name][at];
					assert.equal(read === null, point === 0, `${name} ${at}`);
					for (const axis of read ? [0, 1] : [])
						assert.ok(Math.abs(read[axis] - point[axis]) <= near, `${name} ${at}: ${read}`);
				}
		}
}

for (const document of documents)
	test(`document ${document.name}`, () => {
		const { result } = document;
		const edit = read(textOf(document));
		if (result === "refused" || edit === "refused") return assert.equal(edit, result);
		if (result === "empty") return assert.ok(edit === null || !edit.frames.length);
		assertPeople(edit, result, NEAR);
		assert.equal(edit.foreign, result.foreign);
		if (!edit.foreign) {
			const steps = edit.steps.map(({ duration, easing }) => [duration, easing]);
			assert.deepEqual(
				[edit.loop, steps, edit.upstream],
				[result.loop, result.steps, result.upstream],
			);
		}
		assertPeople(readValue(writeValue(edit), ELSEWHERE), result, WRITTEN);
	});
