// Limb lengths, mirrors and the value, without a page: `node --test tests/web`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { JOINTS, LIMBS, MIRRORED, PARENT, hangingOn, standing } from "../../web/skeleton/anatomy.js";
import { History } from "../../web/skeleton/history.js";
import { dragJoint, mirrored, moved, restored } from "../../web/skeleton/pose.js";
import { PoseTextError, readValue, writeOpenPose, writeValue } from "../../web/skeleton/value.js";

const CANVAS = { width: 384, height: 512 };
const PERSON = standing(384, 512);

function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

const lengths = (points) =>
  LIMBS.filter(([a, b]) => points[a] && points[b]).map(([a, b]) =>
    Math.hypot(points[a][0] - points[b][0], points[a][1] - points[b][1]),
  );

function assertClose(a, b, tolerance = 1e-6) {
  assert.equal(a.length, b.length);
  a.forEach((value, index) => assert.ok(Math.abs(value - b[index]) < tolerance, `${index}: ${value} and ${b[index]}`));
}

for (let joint = 0; joint < 18; joint++) {
  test(`dragging the ${JOINTS[joint]} anywhere keeps every limb's length`, () => {
    const next = random(joint + 1);
    let points = PERSON;
    for (let step = 0; step < 60; step++) {
      points = dragJoint(points, joint, [next() * 900 - 250, next() * 1200 - 300]);
      assertClose(lengths(points), lengths(PERSON));
    }
  });
}

test("a hand within reach arrives where it is pulled, and the shoulder stays", () => {
  const target = [PERSON[2][0] - 30, PERSON[2][1] + 60];
  const points = dragJoint(PERSON, 4, target);
  assertClose(points[4], target);
  assert.deepEqual(points[2], PERSON[2]);
});

test("the elbow keeps its side of the arm", () => {
  const side = (points) => {
    const [a, b, c] = [points[2], points[3], points[4]];
    return Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
  };
  const bent = dragJoint(PERSON, 4, [PERSON[2][0] - 60, PERSON[2][1] + 40]);
  const next = random(7);
  let points = bent;
  for (let step = 0; step < 40; step++) {
    points = dragJoint(points, 4, [PERSON[2][0] + (next() - 0.5) * 90, PERSON[2][1] + (next() - 0.5) * 90]);
    assert.equal(side(points), side(bent));
  }
});

test("a free drag moves one joint alone", () => {
  const points = dragJoint(PERSON, 3, [1, 2], true);
  assert.deepEqual(points[3], [1, 2]);
  points.forEach((point, joint) => joint === 3 || assert.deepEqual(point, PERSON[joint]));
});

test("the neck carries everybody", () => {
  assertClose(dragJoint(PERSON, 1, [PERSON[1][0] + 5, PERSON[1][1] - 9]).flat(), moved(PERSON, 5, -9).flat());
});

test("joints without the ones they hang on can still be dragged", () => {
  for (let joint = 0; joint < 18; joint++) {
    const alone = PERSON.map((point, other) => (other === joint ? point : null));
    assertClose(dragJoint(alone, joint, [10, 20])[joint], [10, 20]);
    assert.equal(dragJoint(alone, joint, [10, 20]).filter((point) => point).length, 1);
  }
});

test("degenerate limbs give numbers", () => {
  const folded = PERSON.map(() => [100, 100]);
  for (let joint = 0; joint < 18; joint++) {
    for (const point of dragJoint(folded, joint, [100, 100]).concat(dragJoint(folded, joint, [150, 90]))) {
      assert.ok(point.every(Number.isFinite), JOINTS[joint]);
    }
  }
});

test("a mirror changes names and sides, and twice is nothing", () => {
  const points = dragJoint(PERSON, 4, [40, 90]);
  assertClose(mirrored(mirrored(points)).flat(), points.flat());
  assert.ok(mirrored(points)[7][0] > mirrored(points)[5][0]);
  assert.deepEqual(MIRRORED.map((joint) => MIRRORED[joint]), PARENT.map((_, joint) => joint));
});

test("a missing joint comes back where anatomy puts it", () => {
  for (let joint = 0; joint < 18; joint++) {
    const hidden = PERSON.map((point, other) => (other === joint ? null : point));
    assertClose(restored(hidden, joint, CANVAS)[joint], PERSON[joint], 0.5);
  }
  assert.ok(restored(new Array(18).fill(null), 3, CANVAS)[3]);
});

test("what hangs on a joint is what its limb carries", () => {
  assert.deepEqual(hangingOn(2), [3, 4]);
  assert.deepEqual(hangingOn(0), [14, 15, 16, 17]);
  assert.equal(hangingOn(1).length, 17);
});

test("a value survives reading and writing, with hands and faces in it", () => {
  const person = { points: PERSON.map((p) => p.map((v) => Math.round(v * 100) / 100)), rest: { face_keypoints_2d: [1, 2, 1] } };
  person.points[4] = null;
  const edit = { canvas: CANVAS, frames: [[person], []], upstream: "abc", ours: true };
  assert.deepEqual(readValue(writeValue(edit), { width: 1, height: 1 }), edit);
  const open = readValue(writeOpenPose(edit), { width: 1, height: 1 });
  assert.deepEqual(open.frames[0][0].points, person.points);
});

test("other producers' poses are read", () => {
  const flat = PERSON.flatMap(([x, y]) => [x, y, 0.8]);
  const shares = PERSON.flatMap(([x, y]) => [x / 384, y / 512, 1]);
  const frame = (numbers) => ({ people: [{ pose_keypoints_2d: numbers }], canvas_width: 384, canvas_height: 512 });
  for (const document of [frame(flat), [frame(flat)], [frame(shares)], [{ people: [{ pose_keypoints: flat }] }], { version: 1.3, ...frame(flat) }]) {
    const edit = readValue(JSON.stringify(document), CANVAS);
    assertClose(edit.frames[0][0].points.flat(), PERSON.flat(), 1e-6);
  }
  assert.equal(readValue(" ", CANVAS), null);
  assert.equal(readValue("[]", CANVAS), null);
  assert.deepEqual(readValue(JSON.stringify([{ animals: [] }]), CANVAS).frames, [[]]);
});

test("what is no pose is said in words", () => {
  for (const text of ["{", "3", "null", '"x"', "[3]", '{"version": 9, "frames": []}', '{"people":[{"pose_keypoints_2d":[1,2]}]}']) {
    assert.throws(() => readValue(text, CANVAS), PoseTextError, text);
  }
});

test("a gesture is undone as one step", () => {
  const history = new History(0);
  history.push(1);
  for (const value of [2, 3, 4]) history.push(value, "drag");
  history.push(5, "another");
  assert.ok(history.undo());
  assert.equal(history.now, 4);
  assert.ok(history.undo());
  assert.equal(history.now, 1);
  assert.ok(history.redo() && history.redo());
  assert.equal(history.now, 5);
  assert.ok(!history.redo());
  assert.ok(history.undo() && history.undo() && history.undo() && !history.undo());
  assert.equal(history.now, 0);
});
