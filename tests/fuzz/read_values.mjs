// What the editor makes of texts: one JSON string a line in, one JSON value a line out.

import { createInterface } from "node:readline";

import { PoseTextError, readValue } from "../../web/skeleton/value.js";

const CANVAS = { width: 384, height: 512 };

function shown(text) {
	let edit;
	try {
		edit = readValue(text, CANVAS);
	} catch (error) {
		if (error instanceof PoseTextError) return "refused";
		return String(error?.stack); // which Python's answer never is
	}
	if (!edit?.frames.length) return "empty";
	const { canvas, foreign, upstream, loop, steps, frames } = edit;
	return {
		canvas: [canvas.width, canvas.height],
		foreign,
		upstream,
		loop,
		steps: steps.map(({ duration, easing }) => [duration, easing]),
		frames: frames.map((people) => people.map(partsOf)),
	};
}

/** Body, hands, face, and the feet as one part. */
function partsOf({ points, parts: { handLeft, handRight, face, footLeft, footRight } }) {
	const no = [null, null, null];
	const feet = footLeft || footRight ? [...(footLeft ?? no), ...(footRight ?? no)] : null;
	return [points, handLeft, handRight, face, feet];
}

for await (const line of createInterface({ input: process.stdin }))
	process.stdout.write(`${JSON.stringify(shown(JSON.parse(line)))}\n`);
