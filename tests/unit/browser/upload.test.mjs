import assert from "node:assert/strict";
import { ofPictures, parametersOf } from "../../../dashboard/browser/upload/found.mjs";
import { beforeEach, test } from "node:test";
import { BUDGETS, QUICK, TOLD, TRANSFER_SECONDS } from "../../../dashboard/browser/contract.mjs";
import { problemOf } from "../../../dashboard/browser/page/fetching.mjs";
import { followers } from "../../../dashboard/browser/page/choice.mjs";
import { fieldsOf } from "../../../dashboard/browser/upload/again.mjs";
import { budgetField, familyFields, nextStep, toldFields } from "../../../dashboard/browser/upload/form.mjs";
import { typed } from "../../../dashboard/browser/upload/proposing.mjs";
import { isPassing } from "../../../dashboard/browser/upload/transfer.mjs";
import { forget, keep, kept, keyOf, unfinished } from "../../../dashboard/browser/upload/unfinished.mjs";
import { stand, storage } from "./page.mjs";

const file = { name: "my model 2.safetensors", size: 300, lastModified: 7 };

beforeEach(() => stand());

test("an unfinished transfer is found again by its file, in its own zone", () => {
  const key = keyOf(file, "checkpoint");
  keep(key, "/api/v1/uploads/u1", 0.25);
  assert.equal(kept(key).url, "/api/v1/uploads/u1");
  assert.deepEqual(unfinished("checkpoint"), [{ name: file.name, share: 0.25 }]);
  assert.deepEqual(unfinished("train"), []);
  assert.equal(kept(keyOf({ ...file, lastModified: 8 }, "checkpoint")), null);
  forget(key);
  assert.deepEqual(unfinished("checkpoint"), []);
});

test("what the server no longer keeps is forgotten here too", () => {
  const key = keyOf(file, "test"), until = Date.now() - 1;
  globalThis.localStorage = storage({ [key]: JSON.stringify({ url: "u", share: 0.5, until }), other: "1" });
  assert.deepEqual(unfinished("test"), []);
  assert.deepEqual(Object.keys(globalThis.localStorage), ["other"]);
  keep(key, "u", 0);
  assert.ok(kept(key).until > Date.now() + 999 * TRANSFER_SECONDS);
});

test("a browser that forbids storage costs the resuming alone", () => {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get() { throw new Error("forbidden"); } });
  keep("key", "u", 1);
  assert.deepEqual([kept("key"), unfinished("train")], [null, []]);
  Object.defineProperty(globalThis, "localStorage", { configurable: true, writable: true, value: storage() });
});

test("a lost connection, a held transfer and a server that is away pass; refusals do not", () => {
  assert.ok([0, 409, 423, 502, 503, 504].every(isPassing));
  assert.ok(![400, 404, 413, 422, 500].some(isPassing));
});

test("a refusal is its own sentence, or one that says there was none", () => {
  assert.equal(problemOf('{"sentence": "Too large.", "advice": "Cut it."}', 413).sentence, "Too large.");
  assert.match(problemOf("<html>", 500).sentence, /answered 500/);
});

test("stages take the spectrum with them where they need it", () => {
  assert.deepEqual([...followers("spectrum", false)].sort(), ["boundary", "density", "margins"]);
  assert.deepEqual(followers("spectrum", true), []);
  assert.deepEqual(followers("margins", true), ["spectrum"]);
  assert.deepEqual([followers("margins", false), followers("gap", true)], [[], []]);
});

test("fields are those of the family", () => {
  assert.deepEqual(familyFields("file").map((look) => look.includes("gone")), [true, true, true]);
  assert.deepEqual(familyFields("mlp").map((look) => look.includes("gone")), [false, true, false]);
});

test("a checkpoint dropped on the list leads to the upload page", () => {
  assert.equal(nextStep({ id: "abc" }), "/upload?checkpoint=abc");
  stand("http://localhost/upload");
  assert.equal(nextStep({ id: "abc" }), undefined);
});

test("fields are shown for the losses and optimisers they count for", () => {
  const ids = Object.keys(TOLD), at = (/** @type {string[]} */ classes, /** @type {string} */ id) => classes[ids.indexOf(id)];
  const sgd = toldFields("cross_entropy", "sgd"), lbfgs = toldFields("mse", "lbfgs");
  assert.deepEqual([at(sgd, "up-momentum"), at(sgd, "up-betas"), at(sgd, "up-class-weights")], ["field", "field gone", "field"]);
  assert.deepEqual([at(lbfgs, "up-lr"), at(lbfgs, "up-weight-decay"), at(lbfgs, "up-class-weights")], ["field gone", "field", "field gone"]);
  assert.match(lbfgs[ids.length + 1], /minimum/);
});

test("a value of a file stands as a person would type it", () => {
  assert.deepEqual([[0.9, 0.99], true, false, { "a.*": 0.1 }, 3e-4].map(typed), ["0.9, 0.99", "yes", "no", '{"a.*":0.1}', "0.0003"]);
});

test("a size is asked of pictures alone, and where a refusal says that it would help", () => {
  assert.ok(ofPictures({ state: "ok", format: "image_zip" }));
  assert.ok(ofPictures({ state: "ok", format: "parquet", summary: { input_shape: [3, 8, 8] } }));
  assert.ok(ofPictures({ state: "refused", format: "", problem: { sentence: "", advice: "say --resize 64x64" } }));
  assert.ok(!ofPictures({ state: "ok", format: "npz", summary: { input_shape: [3, 8, 8] } }));
  assert.ok(!ofPictures({ state: "ok", format: "csv", summary: { input_shape: [4] } }));
});

test("an optimiser's state alone is not said to hold 0 parameters", () => {
  assert.deepEqual([{ parameters: 0 }, {}, { parameters: 1603 }].map(parametersOf), ["", "", "1\u202f603"]);
});

test("seconds are asked for where they are one's own", () => {
  assert.deepEqual(budgetField("normal"), ["field gone", BUDGETS.normal]);
  assert.deepEqual(budgetField("other"), ["field", BUDGETS.other]);
});

test("what was asked for fills the form again", () => {
  const asked = {
    architecture: { family: "mlp", activation: "relu" }, seconds: null, seconds_at_most: 300, spectrum_examples: 50, lambdas: [0.1, 1],
    stages: ["gap"], weight_decay: 0.001, decay_table: null, dropout: false, device: "cpu", epsilon: null,
  };
  assert.deepEqual(fieldsOf(asked), {
    "up-family": "mlp", "up-activation": "relu", "up-budget": "normal", "up-examples": "50", "up-lambdas": "0.1, 1",
    "up-stages": ["gap"], "up-weight-decay": "0.001", "up-dropout": "no",
  });
  const layers = { family: "sequential", layers: [["ReLU"]] };
  const budgets = [{ seconds: QUICK }, { seconds: 7 }, {}].map((each) => fieldsOf({ ...each, architecture: null }));
  assert.deepEqual(budgets.map((each) => each["up-budget"]), ["quick", "other", "everything"]);
  assert.deepEqual([budgets[0]["up-family"], budgets[1]["up-seconds"]], ["file", "7"]);
  assert.equal(fieldsOf({ architecture: layers })["up-sequential"], JSON.stringify(layers));
});
