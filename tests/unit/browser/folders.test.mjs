import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { stand } from "./page.mjs";

stand();
const { counted, folderIn, unclear } = await import("../../../dashboard/browser/upload/folders.mjs");
const { checksum, zipped } = await import("../../../dashboard/browser/upload/packing.mjs");

const files = (...paths) => paths.map((path) => ({ path, file: new File([path], path, { lastModified: 5 }) }));
const paths = (found) => found.map(({ path }) => path);

const FOLDERS = [
  ["save_pretrained", ["config.json", "model.safetensors", "README.md", "tokenizer.json"], ["config.json", "model.safetensors", "tokenizer.json"]],
  ["a Trainer's", ["model.safetensors", "optimizer.pt", "rng_state.pth", "trainer_state.json"], ["model.safetensors", "optimizer.pt", "trainer_state.json"]],
  ["Lightning's", ["epoch=3.ckpt", "hparams.yaml"], ["epoch=3.ckpt"]],
  ["FSDP", [".metadata", "__0_0.distcp", "__1_0.distcp", "notes.txt"], [".metadata", "__0_0.distcp", "__1_0.distcp"]],
  ["ZeRO", ["latest", "zero_to_fp32.py", "global_step5/mp_rank_00_model_states.pt"], ["latest", "global_step5/mp_rank_00_model_states.pt"]],
  ["deeper", ["a/model.pt", "b/model.pt"], []],
];
for (const [name, given, expected] of FOLDERS) {
  test(`of a folder of weights what counts is sent: ${name}`, () => assert.deepEqual(paths(counted(files(...given), true)), expected));
}

test("of a folder of data images and tables are sent", () => {
  const given = files("train/cat/1.PNG", "train/.git/2.png", "notes.txt", "test/cat/3.jpg", ".DS_Store");
  assert.deepEqual(paths(counted(given, false)), ["train/cat/1.PNG", "test/cat/3.jpg"]);
});

test("what is no one file is refused in a sentence", () => {
  assert.match(unclear([], true).sentence, /no weights/);
  assert.match(unclear([], false).sentence, /no images and no tables/);
  assert.match(unclear(files("a.pt", "b.pt"), true).sentence, /2 checkpoints: a.pt, b.pt\./);
  assert.equal(unclear(files("a.safetensors", "optimizer.pt"), true), null);
  assert.equal(unclear(files("a.png", "b.png"), false), null);
});

test("one plain file is no folder, several files and a directory are", () => {
  const item = (isDirectory) => ({ webkitGetAsEntry: () => ({ isDirectory }) }), text = { webkitGetAsEntry: () => null };
  assert.equal(folderIn({ items: [item(false), text] }), null);
  assert.equal(folderIn({ items: [item(false), item(false)] }).length, 2);
  assert.equal(folderIn({ items: [item(true)] }).length, 1);
});

test("the checksum is that of zlib, over pieces too", async () => {
  const content = new Uint8Array((8 << 20) + 7).map((_, place) => place * 31);
  assert.equal(await checksum(new Blob([content])), crc32(content));
  assert.equal(await checksum(new Blob([])), 0);
});

test("a packed folder ends as a zip of its files, the same bytes each time", async () => {
  const one = await zipped("m", files("a.json", "ü/b.json")), other = await zipped("m", files("a.json", "ü/b.json"));
  const bytes = Buffer.from(await one.arrayBuffer());
  assert.deepEqual(bytes, Buffer.from(await other.arrayBuffer()));
  assert.deepEqual([one.name, one.lastModified], ["m.zip", 5]);
  assert.equal(bytes.readUInt32LE(0), 0x04034b50);
  const end = bytes.length - 22, start = bytes.readUInt32LE(end + 16);
  assert.equal(bytes.readUInt16LE(end + 10), 2);
  assert.equal(bytes.readUInt32LE(start), 0x02014b50);
  assert.equal(start + bytes.readUInt32LE(end + 12), end);
});

test("too many files for one zip are told", async () => {
  const many = Array(65536).fill(files("a")[0]);
  assert.equal(await zipped("m", many), null);
});
