// The editor's reader against documents by fast-check, for as many seconds as the argument says.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { PoseTextError, readValue, writeValue } from "../../web/skeleton/value.js";

const fc = createRequire(new URL("../web/package.json", import.meta.url))("fast-check");

const CANVAS = { width: 384, height: 512 };
const [seconds] = process.argv.slice(2).map(Number);

const odd = fc.jsonValue({ maxDepth: 4 });
const mostly = (usual, other = odd) =>
	fc.oneof({ weight: 15, arbitrary: usual }, { weight: 1, arbitrary: other });
const number = mostly(
	fc.oneof(
		fc.integer({ min: -2000, max: 80000 }).map((hundredths) => hundredths / 100),
		fc.integer({ min: -200, max: 1600 }).map((thousandths) => thousandths / 1000),
		fc.double(),
		fc.constantFrom(0, -1, null, 1e6),
	),
);
/** A few numbers, repeated up to one of the lengths a part may have. */
const flat = (...lengths) =>
	mostly(
		fc
			.tuple(fc.constantFrom(...lengths), fc.array(number, { minLength: 1, maxLength: 12 }))
			.map(([length, some]) => Array.from({ length }, (_, at) => some[at % some.length])),
	);
const side = mostly(fc.oneof(fc.integer({ min: 1, max: 40000 }), fc.constant(null)));
const person = fc.record(
	{
		pose_keypoints_2d: flat(54, 75, 51, 36),
		pose_keypoints: flat(54),
		hand_left_keypoints_2d: flat(63, 42),
		face_keypoints_2d: flat(210, 204, 140),
		foot_keypoints_2d: flat(18, 12),
		id: odd,
	},
	{ requiredKeys: [] },
);
const frame = fc.record(
	{
		people: mostly(fc.array(mostly(person), { maxLength: 3 })),
		canvas_width: side,
		canvas_height: side,
		coordinates: mostly(fc.constant("pixels")),
		steps: mostly(fc.integer({ min: 1, max: 20000 })),
		easing: mostly(fc.constantFrom("linear", "smooth", "hold")),
	},
	{ requiredKeys: ["people"] },
);
const own = fc.record(
	{
		version: mostly(fc.constantFrom(1, 2)),
		frames: mostly(fc.array(mostly(frame), { maxLength: 4 })),
		canvas_width: side,
		canvas_height: side,
		loop: mostly(fc.boolean()),
		upstream: mostly(fc.string()),
		rate: odd,
		library: mostly(fc.array(mostly(person))),
	},
	{ requiredKeys: ["version", "frames"] },
);
const text = fc.oneof(
	fc
		.oneof(frame, fc.array(mostly(frame), { maxLength: 4 }), own, odd)
		.map((v) => JSON.stringify(v)),
	fc.string(),
	fc
		.tuple(fc.constantFrom(["[", "]"], ['{"a":', "}"]), fc.integer({ min: 1, max: 9000 }))
		.map(([[open, close], n]) => `{"people":[{"id":${open.repeat(n)}0${close.repeat(n)}}]}`),
);

function claim(written) {
	let edit;
	try {
		edit = readValue(written, CANVAS);
	} catch (error) {
		assert.ok(error instanceof PoseTextError, String(error?.stack));
		assert.ok(error.message.length > 3 && error.message.length < 400, error.message);
		return;
	}
	if (!edit) return;
	const coordinates = edit.frames
		.flat()
		.flatMap(({ points, parts }) => [points, ...Object.values(parts)])
		.flatMap((points) => points ?? [])
		.flatMap((point) => point ?? []);
	assert.ok(coordinates.every(Number.isFinite));
	const again = readValue(writeValue(edit), CANVAS);
	// what was written is read as it is: no more is lost by writing it again
	assert.equal(writeValue(again), writeValue(edit));
}

fc.assert(fc.property(text, claim), {
	numRuns: 1e9,
	seed: 20251129,
	interruptAfterTimeLimit: seconds * 1000,
	markInterruptAsFailure: false,
});
