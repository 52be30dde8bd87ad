// One prompt in flight, the newest pose wins: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LiveRuns, nearestDownstream } from "../../web/skeleton/live.js";

function queue() {
  const made = { sent: [], answer: [], listeners: new Set() };
  made.send = () => {
    const id = `prompt ${made.sent.length}`;
    made.sent.push(id);
    return new Promise((resolve, reject) => made.answer.push({ resolve: (value = id) => resolve(value), reject }));
  };
  made.onEnd = (listener) => {
    made.listeners.add(listener);
    return () => made.listeners.delete(listener);
  };
  made.end = (id) => [...made.listeners].forEach((listener) => listener(id));
  return made;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test("a drag of many events has one prompt in flight, and one more for all that changed meanwhile", async () => {
  const host = queue();
  const live = new LiveRuns(host);
  for (let event = 0; event < 50; event++) live.request();
  assert.equal(host.sent.length, 1);
  host.answer[0].resolve();
  await settled();
  for (let event = 0; event < 50; event++) live.request();
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
  live.request();
  live.request();
  host.end("prompt 0");
  host.answer[0].resolve();
  await settled();
  assert.equal(host.sent.length, 2);
});

test("a refused prompt does not block the next", async () => {
  const host = queue();
  const live = new LiveRuns(host);
  live.request();
  host.answer[0].resolve(null);
  await settled();
  live.request();
  assert.equal(host.sent.length, 2);
});

test("switched off, nothing is sent any more", async () => {
  const host = queue();
  const live = new LiveRuns(host);
  live.request();
  live.request();
  host.answer[0].resolve();
  await settled();
  live.dispose();
  host.end("prompt 0");
  assert.equal(host.sent.length, 1);
  assert.equal(host.listeners.size, 0);
});

test("the nearest Transfer Pose is found over other nodes, and nothing beyond it", () => {
  const links = { 1: [2, 3], 2: [4], 3: [5], 4: [6], 5: [], 6: [7], 7: [] };
  const kinds = { 4: "T", 6: "T", 5: "Save" };
  const graph = { links: (id) => links[id] ?? [], kindOf: (id) => kinds[id] };
  assert.deepEqual(nearestDownstream(1, "T", graph), [4]);
  assert.deepEqual(nearestDownstream(5, "T", graph), []);
  const ring = { links: (id) => [(id % 3) + 1], kindOf: () => "x" };
  assert.deepEqual(nearestDownstream(1, "T", ring), []);
});
