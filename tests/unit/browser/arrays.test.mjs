import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, once, typed } from "../../../dashboard/browser/figures/arrays.mjs";

const packed = (kind, values, shape) =>
  ({ dtype: kind, bdata: Buffer.from(values.buffer).toString("base64"), ...(shape ? { shape } : {}) });

test("a packed array is the values that went in", () => {
  assert.deepEqual(decode(packed("f4", Float32Array.of(1.5, -2))), [1.5, -2]);
  assert.deepEqual(decode(packed("i1", Int8Array.of(1, -2, 3, 4, 5, 6), "2, 3")), [[1, -2, 3], [4, 5, 6]]);
  assert.deepEqual(decode([1, 2]), [1, 2]);
  assert.equal(decode(undefined), undefined);
});

test("flat values come with their shape, of packed and plain arrays alike", () => {
  const { values, shape } = typed(packed("i1", Int8Array.of(1, 2, 3, 4), "2, 2"));
  assert.deepEqual([[...values], shape], [[1, 2, 3, 4], [2, 2]]);
  assert.deepEqual(typed([[1, 2], [3, 4]]), { values: [1, 2, 3, 4], shape: [2, 2] });
});

test("an array that was unpacked once is not unpacked again", () => {
  const value = packed("i4", Int32Array.of(7));
  assert.equal(once(value), once(value));
});
