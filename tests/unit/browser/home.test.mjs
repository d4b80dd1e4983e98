// The story's network, the order of the list, what the palette finds, times in words.
import assert from "node:assert/strict";
import { test } from "node:test";
import { between, classesOf, outputs, overPlane } from "../../../dashboard/browser/home/network.mjs";
import { timeWords } from "../../../dashboard/browser/page/times.mjs";

const FIRST = [[[[1, 0], [0, 2]], [0, 0.5]], [[[1, -1]], [0.25]]];
const LAST = [[[[3, 0], [0, 0]], [1, 0.5]], [[[2, -1]], [0.75]]];

test("a network of two layers is tanh between and straight at the end", () => {
  const [found] = outputs(FIRST, [0.3, -0.2]);
  assert.ok(Math.abs(found - (Math.tanh(0.3) - Math.tanh(-0.4 + 0.5) + 0.25)) < 1e-12);
});

test("weights between two minima lie on the straight line", () => {
  const half = between(FIRST, LAST, 0.5);
  assert.deepEqual(half[0], [[[2, 0], [0, 1]], [0.5, 0.5]]);
  assert.deepEqual(between(FIRST, LAST, 0), FIRST);
});

test("the class of a pixel is that of the largest output there", () => {
  // class 0 where x < 0.5, class 1 beyond: one dense layer
  const split = [[[[-1, 0], [1, 0]], [0.5, -0.5]]];
  const fields = overPlane(split, [0, 1], [0, 1], 5);
  const found = classesOf(fields, 5, 8);
  assert.deepEqual([...found.slice(0, 8)], [0, 0, 0, 0, 1, 1, 1, 1]);
});

test("times say how long ago, and the day after that", () => {
  const now = Date.parse("2026-11-30T12:00:00Z");
  assert.equal(timeWords(new Date("2026-11-30T11:48:00Z"), now), "12 min ago");
  assert.equal(timeWords(new Date("2026-11-30T07:00:00Z"), now), "5 h ago");
  assert.equal(timeWords(new Date("2026-11-30T11:59:50Z"), now), "just now");
  assert.match(timeWords(new Date("2026-11-22T12:00:00Z"), now), /22 Nov 2026/);
});
