// Names of classes stand inside their own region, away from points and from the other regions.
import assert from "node:assert/strict";
import { test } from "node:test";
import { labelPlaces } from "../../../dashboard/browser/analysis/class_labels.mjs";

const FIELD = { x0: 0, dx: 1, y0: 0, dy: 1 };
const SIDE = 40;

/** Left of a column is class 0, right of it class 1. @param {number} column */
const split = (column) => Array.from({ length: SIDE * SIDE }, (_, at) => (at % SIDE < column ? 0 : 1));

test("each name stands in the middle of its region", () => {
  const found = labelPlaces(FIELD, split(16), [SIDE, SIDE], []);
  assert.equal(found.length, 2);
  const [left, right] = found.sort((a, b) => a.x - b.x);
  assert.deepEqual([left.label, right.label], [0, 1]);
  assert.ok(Math.abs(left.x - 8) <= 2 && Math.abs(right.x - 28) <= 3);
});

test("a point pushes the name away", () => {
  const free = labelPlaces(FIELD, split(SIDE), [SIDE, SIDE], [])[0];
  const pushed = labelPlaces(FIELD, split(SIDE), [SIDE, SIDE], [[free.x, free.y]])[0];
  assert.ok(Math.hypot(pushed.x - free.x, pushed.y - free.y) > 5);
});

test("slivers and more classes than can be told apart are not named", () => {
  assert.deepEqual(labelPlaces(FIELD, split(2), [SIDE, SIDE], []).map(({ label }) => label), [1]);
  const many = Array.from({ length: 13 * 8 * 8 }, (_, at) => Math.floor((at % 104) / 8));
  assert.deepEqual(labelPlaces(FIELD, many, [8, 104], []), []);
});
