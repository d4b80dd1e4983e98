import assert from "node:assert/strict";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { crc32, labelled } from "../../../dashboard/browser/export/png.mjs";
import { strToU8, zipSync } from "../../../dashboard/browser/vendor/fflate.mjs";

test("the checksum is that of the standard", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});

test("a labelled PNG has its resolution and origin right after its header", () => {
  const png = Uint8Array.from({ length: 40 }, (_, i) => i);
  const out = Buffer.from(labelled(png, 300, { id: "x1" }));
  assert.deepEqual([...out.subarray(0, 33)], [...png.subarray(0, 33)]);
  assert.equal(out.toString("latin1", 37, 41), "pHYs");
  assert.equal(out.readUInt32BE(41), 11811);
  assert.ok(out.toString("latin1").includes('{"id":"x1"}'));
  assert.deepEqual([...out.subarray(-7)], [...png.subarray(33)]);
});

test("the vendored zip compresses, and its content is the same again", () => {
  const text = "row,row,row\n".repeat(1000), zip = Buffer.from(zipSync({ "a.csv": strToU8(text) }));
  assert.equal(zip.readUInt32LE(0), 0x04034b50);
  assert.ok(zip.length < text.length / 10);
  const start = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28);
  assert.equal(inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(18))).toString(), text);
});
