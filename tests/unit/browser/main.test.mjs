import assert from "node:assert/strict";
import { before, test } from "node:test";
import { CALLBACKS } from "../../../dashboard/browser/contract.mjs";
import { idOf } from "../../../dashboard/browser/page/dom.mjs";
import { patientFetch } from "../../../dashboard/browser/page/fetching.mjs";
import { start } from "../../../dashboard/browser/main.mjs";
import { stand } from "./page.mjs";

before(() => stand("http://localhost/compare"));

test("what Dash may call is there, and nothing else", () => {
  assert.deepEqual(Object.keys(start(null)).sort(), [...CALLBACKS].sort());
});

test("a function that answers nothing leaves Dash's output as it is", () => {
  const { plane_arrived: arrived, upload_family: family } = start(null);
  assert.equal(arrived(null), "no update");
  assert.equal(family("mlp").length, 3);
});

test("ids of a family are named as Python names them", () => {
  assert.deepEqual([idOf("frame", "gap"), idOf("tab", "walk")], ["gap-frame", "tab-walk"]);
});

test("a reply that is on its way is used, and nobody is asked twice", async (t) => {
  const asked = t.mock.method(globalThis, "fetch", async () => ({ status: 200, again: true }));
  assert.deepEqual(await patientFetch("/drawings/1", Promise.resolve({ status: 200 })), { status: 200 });
  assert.equal(asked.mock.callCount(), 0);
});
