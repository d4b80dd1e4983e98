// What the page of a job says.
import { FINAL_STATES, MAX_ATTEMPTS, STAGES, STATES } from "../contract.mjs";

/** @typedef {{ lease: number }} Silence */

/** @param {Analysis["state"]} state */
export const isFinal = (state) => /** @type {readonly string[]} */ (FINAL_STATES).includes(state);

/** @param {string} stage */
export const stageWords = (stage) => /** @type {Record<string, string>} */ (STAGES)[stage] || stage;

/** @param {Analysis["state"]} state */
export const stateWords = (state) => STATES[state][0].toUpperCase() + STATES[state].slice(1);

/** @param {number | null} seconds */
export function secondsWords(seconds) {
  if (seconds === null) return "";
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** A worker that is lost, or may be: what is known, and what happens by itself. @param {Analysis} analysis @param {Silence | null} silence @returns {string[]} */
export function lostWords({ state, attempt }, silence) {
  if (state === "queued" && attempt) {
    return [`The worker was lost on attempt ${attempt} of ${MAX_ATTEMPTS}.`, "The next attempt begins by itself as soon as a worker is free."];
  }
  if (state === "running" && silence) {
    const next = attempt < MAX_ATTEMPTS ? `attempt ${attempt + 1} of ${MAX_ATTEMPTS} begins by itself` : "the job ends as failed";
    return ["There is no word from the worker: it may have been lost.", `If it stays silent, ${next} within ${Math.ceil(silence.lease)} s.`];
  }
  if (state === "running" && attempt > 1) return [`Attempt ${attempt} of ${MAX_ATTEMPTS}: an earlier worker was lost.`];
  return [];
}

/** Why it failed, and where. @param {Analysis} analysis @returns {string[]} */
export function problemWords({ problem, stages }) {
  if (!problem) return [];
  const broken = stages.find((stage) => stage.state === "failed");
  const where = broken ? [`It stopped in the stage “${stageWords(broken.stage)}”.`] : [];
  return [problem.sentence, ...where, problem.advice || ""];
}
