import assert from "node:assert/strict";
import { test } from "node:test";
import { FINAL_STATES, MAX_ATTEMPTS, STAGES, STATES } from "../../../dashboard/browser/contract.mjs";
import { isFinal } from "../../../dashboard/browser/job/render.mjs";
import { lostWords, problemWords, secondsWords, stageWords, stateWords } from "../../../dashboard/browser/job/words.mjs";

test("every state has words, and those that end a job are the contract's", () => {
  for (const state of Object.keys(STATES)) assert.match(stateWords(state), /^[A-Z]/);
  assert.deepEqual(Object.keys(STATES).filter(isFinal), [...FINAL_STATES]);
});

test("a stage without words keeps its name", () => {
  assert.equal(stageWords("density"), STAGES.density);
  assert.equal(stageWords("new"), "new");
});

test("short times have a tenth", () => {
  assert.deepEqual([null, 0.25, 12.6].map(secondsWords), ["", "0.3 s", "13 s"]);
});

test("a lost worker is told with the attempt that follows", () => {
  assert.match(lostWords({ state: "queued", attempt: 1 }, null)[0], new RegExp(`attempt 1 of ${MAX_ATTEMPTS}`));
  assert.match(lostWords({ state: "running", attempt: 1 }, { lease: 3.2 })[1], /attempt 2 .* within 4 s/);
  assert.match(lostWords({ state: "running", attempt: MAX_ATTEMPTS }, { lease: 3 })[1], /ends as failed/);
  assert.equal(lostWords({ state: "running", attempt: 2 }, null).length, 1);
  assert.deepEqual(lostWords({ state: "queued", attempt: 0 }, null), []);
});

test("a failure says where it stopped", () => {
  const stages = [{ stage: "gap", state: "failed" }];
  const words = problemWords({ problem: { sentence: "No memory.", advice: "Give more." }, stages });
  assert.deepEqual(words, ["No memory.", `It stopped in the stage “${STAGES.gap}”.`, "Give more."]);
  assert.deepEqual(problemWords({ problem: null, stages }), []);
});
