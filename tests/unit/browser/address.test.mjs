import assert from "node:assert/strict";
import { test } from "node:test";
import { addressOf, PINS, viewOf } from "../../../dashboard/browser/analysis/address.mjs";

const points = Array.from({ length: 30 }, (_, i) => [i, i]);
const payload = {
  vectors: 5, points, lambda: 0.003, curves: { lambda: [1e-4, 1e-3, 1e-2] },
  walk: { epsilon: [[-1, -0.5, 0, 0.5, 1]] },
};
const read = (query, given = payload) => viewOf(new URLSearchParams(query), given, "");

test("an empty address shows the report's own λ, the first vector, the middle of the walk", () => {
  const view = read("");
  assert.deepEqual([view.vector, view.lambda, view.step, view.margins, view.view], [1, 0.003, 2, true, "overlaps"]);
});

test("what an address says and cannot be is left out", () => {
  const view = read("vector=9&lambda=7&point=3,3,99,x,-1,4&walk=8&field=other");
  assert.deepEqual([view.vector, view.lambda, view.step, view.field], [1, 1e-2, 2, ""]);
  assert.deepEqual(view.points, [3, 4]);
});

test("no more points are pinned than fit", () => {
  assert.equal(read(`point=${points.map(([i]) => i).join(",")}`).points.length, PINS);
});

test("without curves λ is the report's, or none", () => {
  assert.equal(read("lambda=1", { ...payload, curves: null }).lambda, 0.003);
  assert.equal(read("", { ...payload, curves: null, lambda: null }).lambda, null);
});

test("a state that is written into an address is read from it again", () => {
  const view = {
    ...read(""), vector: 3, lambda: 1e-3, points: [2, 7], view: "walk", field: "gap", colour: "class", margins: false,
    flip: true, log: true, linear: true, layers: "fc1, fc2", step: 4,
  };
  const url = addressOf("http://localhost/analyses/1?share=key", view, payload);
  assert.deepEqual(viewOf(url.searchParams, payload, ""), view);
  assert.equal(url.searchParams.get("share"), "key");
});

test("what is as it is by itself is not in the address", () => {
  const url = addressOf("http://localhost/?margins=off&walk=1", read(""), payload);
  assert.deepEqual([...url.searchParams.keys()], ["vector", "lambda", "view"]);
});
