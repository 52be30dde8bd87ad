// One prompt in flight, the newest pose wins: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { idsInPrompt, LiveRuns, nearestDownstream } from "../../web/skeleton/live.js";

function queue() {
	const made = { sent: [], answer: [], listeners: new Set() };
	made.send = () => {
		const id = `prompt ${made.sent.length}`;
		made.sent.push(id);
		return new Promise((resolve, reject) =>
			made.answer.push({ resolve: (value = id) => resolve(value), reject }),
		);
	};
	made.onEnd = (listener) => {
		made.listeners.add(listener);
		return () => made.listeners.delete(listener);
	};
	made.end = (id) => {
		for (const listener of [...made.listeners]) listener(id);
	};
	return made;
}

/** Live runs with one prompt in flight and another one wanted. */
async function oneInFlight(host) {
	const live = new LiveRuns(host);
	live.request("draft");
	live.request("draft");
	host.answer[0].resolve();
	await settled();
	return live;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test("a drag has one prompt in flight, and one more for all that changed meanwhile", async () => {
	const host = queue();
	const live = new LiveRuns(host);
	for (let event = 0; event < 50; event++) live.request("draft");
	assert.equal(host.sent.length, 1);
	host.answer[0].resolve();
	await settled();
	for (let event = 0; event < 50; event++) live.request("draft");
	assert.equal(host.sent.length, 1);
	host.end("somebody else's");
	assert.equal(host.sent.length, 1);
	host.end("prompt 0");
	assert.equal(host.sent.length, 2);
	host.answer[1].resolve();
	await settled();
	host.end("prompt 1");
	assert.equal(host.sent.length, 2);
});

test("a prompt that ends before its id is known has ended", async () => {
	const host = queue();
	const live = new LiveRuns(host);
	live.request("draft");
	live.request("draft");
	host.end("prompt 0");
	host.answer[0].resolve();
	await settled();
	assert.equal(host.sent.length, 2);
});

test("a refused prompt does not block the next", async () => {
	const host = queue();
	const live = new LiveRuns(host);
	live.request("draft");
	host.answer[0].resolve(null);
	await settled();
	live.request("draft");
	assert.equal(host.sent.length, 2);
});

test("switched off, nothing is sent any more", async () => {
	const host = queue();
	const live = await oneInFlight(host);
	live.dispose();
	host.end("prompt 0");
	assert.equal(host.sent.length, 1);
	assert.equal(host.listeners.size, 0);
});

test("at rest no more is sent; what is in flight still counts when posing goes on", async () => {
	const host = queue();
	const live = await oneInFlight(host);
	live.rest();
	live.request("full");
	assert.equal(host.sent.length, 1);
	host.end("prompt 0");
	assert.equal(host.sent.length, 2);
});

test("what is wanted last counts: a full picture after the drafts", async () => {
	const host = queue();
	const kinds = [];
	const send = host.send;
	host.send = (kind) => {
		kinds.push(kind);
		return send();
	};
	const live = new LiveRuns(host);
	live.request("draft");
	live.request("draft");
	live.request("full");
	host.answer[0].resolve();
	await settled();
	host.end("prompt 0");
	assert.deepEqual(kinds, ["draft", "full"]);
});

test("the nearest Transfer Pose is found over other nodes, and nothing beyond it", () => {
	const node = (class_type, ...from) => ({
		class_type,
		inputs: Object.fromEntries(from.map((id, index) => [`i${index}`, [id, 0]])),
	});
	const prompt = {
		1: node("E"),
		2: node("reroute", "1"),
		"9:4": node("T", "2"),
		3: node("Save", "1"),
		6: node("T", "9:4"),
		7: node("KSampler", "6"),
	};
	assert.deepEqual(nearestDownstream(prompt, ["1"], "T"), ["9:4"]);
	assert.deepEqual(nearestDownstream(prompt, ["3"], "T"), []);
	const ring = { 1: node("x", "2"), 2: node("x", "1") };
	assert.deepEqual(nearestDownstream(ring, ["1"], "T"), []);
});

test("a node inside subgraphs is called by all the places they are used in", () => {
	const inner = { id: 5 };
	const subgraph = { _nodes: [{ id: 1 }, inner] };
	const graph = {
		_nodes: [
			{ id: 2, subgraph },
			{ id: 3, subgraph: { _nodes: [{ id: 8, subgraph }] } },
			{ id: 5 },
		],
	};
	assert.deepEqual(idsInPrompt(graph, inner), ["2:5", "3:8:5"]);
	assert.deepEqual(idsInPrompt(graph, graph._nodes[2]), ["5"]);
	assert.deepEqual(idsInPrompt(graph, { id: 5 }), []);
});
