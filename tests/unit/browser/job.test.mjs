import assert from "node:assert/strict";
import { test } from "node:test";
import { FINAL_STATES, MAX_ATTEMPTS, STAGES, STATES } from "../../../dashboard/browser/contract.mjs";
import { splitWords } from "../../../dashboard/browser/job/first_look.mjs";
import { beforeWords } from "../../../dashboard/browser/job/queue.mjs";
import { inStage, timeSaid } from "../../../dashboard/browser/job/clock.mjs";
import { isFinal, lostWords, problemWords, secondsWords, stageWords, stateWords } from "../../../dashboard/browser/job/words.mjs";

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

test("a time is told beside what was planned, and honestly where it is longer", () => {
  assert.equal(timeSaid(120, 0), "2 min");
  assert.equal(timeSaid(120, 360), "2 min of about 6 min");
  assert.equal(timeSaid(40, 36), "40 s of about 40 s");
  assert.equal(timeSaid(600, 300), "10 min, slower than the 5 min planned");
});

test("a running stage began when those before it had ended", () => {
  const stages = [{ stage: "spectrum", state: "done", seconds: 10 }, { stage: "gap", state: "running", seconds: null }];
  const started = "2026-11-30T10:00:00Z", now = new Date("2026-11-30T10:00:25Z").getTime();
  assert.equal(inStage({ started_at: started, stages }, now), 15);
  assert.equal(inStage({ started_at: null, stages }, now), 0);
});

test("what is known first is said in a sentence", () => {
  const whole = { total: null, loss_error: null };
  const splits = [{ ...whole, name: "training", n: 200, loss: 0.0123, accuracy: 1 }, { ...whole, name: "test", n: 1000, loss: 0.5, accuracy: null }];
  const said = splitWords({ splits, unit: "examples" });
  assert.equal(said, "The files fit: training loss 0.0123, 100.0\u202f% right on 200 examples; test loss 0.500 on 1\u202f000 examples.");
  const drawn = [{ ...splits[0], total: 5000, loss_error: 0.002 }];
  const sequences = splitWords({ splits: drawn, unit: "sequences" });
  assert.equal(sequences, "The files fit: training loss 0.0123 ± 0.00200, 100.0\u202f% of tokens right on 200 of 5\u202f000 sequences.");
});

test("a queued job says how many analyses are before it", () => {
  assert.equal(beforeWords(0, 0), "");
  assert.equal(beforeWords(1, 0), "Before it, of those you see: one analysis, 1 running.");
  assert.equal(beforeWords(1, 3), "Before it, of those you see: 4 analyses, 1 running.");
});
