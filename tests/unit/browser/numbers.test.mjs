import assert from "node:assert/strict";
import { test } from "node:test";
import { measured, exponential, number, size, thin, typedNumber } from "../../../dashboard/browser/page/numbers.mjs";

test("numbers have three significant digits and powers of ten beyond [1e-3, 1e5)", () => {
  const said = { "0.023456": 0.023456, "8.35": 8.35, "12300": 12345.6, "1.23·10⁵": 123456, "−1.20·10⁻⁴": -1.2e-4, "0": 0, "−0.5": -0.5 };
  for (const [words, value] of Object.entries(said)) assert.equal(number(value, words === "0.023456" ? 5 : 3), words);
});

test("what is no number is a dash", () => {
  for (const value of [null, undefined, NaN, Infinity]) assert.equal(number(value), "—");
});

test("a λ in an address has no zeros too many", () => {
  assert.deepEqual([0.003, 1.2345e-5, 100].map(exponential), ["3e-3", "1.23e-5", "1e2"]);
});

test("thousands stand apart by thin spaces, and bytes in the unit that fits", () => {
  assert.equal(thin(1234567), "1\u202f234\u202f567");
  assert.deepEqual([size(999), size(2.5e6)], ["1.0 kB", "2.5 MB"]);
});

test("a typed number may have a true minus; what is none is the end of the range", () => {
  assert.deepEqual(["−2", " 1e-3 ", "", "many"].map((text) => typedNumber(text, Infinity)), [-2, 1e-3, Infinity, Infinity]);
});

test("a measured number keeps the zeros that say how well it is known", () => {
  assert.deepEqual([2, 0.37, 0.1, 123.4, -0.07].map((value) => measured(value)), ["2.00", "0.370", "0.100", "123", "−0.0700"]);
  assert.deepEqual([0, null, 2e-5].map((value) => measured(value)), ["0", "—", "2.00·10⁻⁵"]);
});
