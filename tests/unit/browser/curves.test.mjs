import assert from "node:assert/strict";
import { test } from "node:test";
import { at, endsOf, stepped } from "../../../dashboard/browser/analysis/curves.mjs";

const curves = { lambda: [1e-4, 1e-2, 1], alo_ggn: [4, 2, 0], tic_ggn: [1, null, 3] };

test("a curve is linear in log λ between its points", () => {
  assert.equal(at(curves, "alo_ggn", 1e-2), 2);
  assert.ok(Math.abs(at(curves, "alo_ggn", 1e-3) - 3) < 1e-12);
});

test("beyond its ends a curve is what it is there", () => {
  assert.equal(at(curves, "alo_ggn", 1e-6), 4);
  assert.ok(at(curves, "alo_ggn", 10) <= 0);
});

test("beside a missing point there is no value", () => {
  assert.equal(at(curves, "tic_ggn", 1e-3), null);
});

test("steps of λ are tenths of a decade and stay within the curves", () => {
  assert.deepEqual(endsOf(curves), [-4, 0]);
  assert.ok(Math.abs(stepped(curves, 1e-2, 1) - 10 ** -1.9) < 1e-12);
  assert.equal(stepped(curves, 1, 5), 1);
});
