// How long a job has run and how long it was planned to: it beats every second, in every stage.
import { all } from "../page/dom.mjs";
import { isFinal } from "./words.mjs";

const SLOWER = 1.3; // times the plan beyond which it is said to be slower

/** @type {{ analysis: Analysis, planned: Record<string, number>, intake: number } | null} */
let timed = null;
/** @type {ReturnType<typeof setInterval> | undefined} */
let beating;

/** `40 s`, `3 min`, `2.5 h`. @param {number} seconds */
export function spanWords(seconds) {
  for (const [unit, size] of /** @type {const} */ ([["h", 3600], ["min", 60]])) if (seconds >= 1.5 * size) return `${Number((seconds / size).toPrecision(2))} ${unit}`;
  return `${Math.max(Math.round(seconds), 1)} s`;
}

/** How far it is in time. @param {number} elapsed seconds @param {number} planned seconds, 0 where unknown */
export function timeSaid(elapsed, planned) {
  if (!planned) return spanWords(elapsed);
  if (elapsed > SLOWER * planned) return `${spanWords(elapsed)}, slower than the ${spanWords(planned)} planned`;
  return `${spanWords(elapsed)} of about ${spanWords(Math.max(planned, elapsed))}`;
}

/** Seconds since a stage began: what was before it has told how long it took. @param {Analysis} analysis @param {number} now @param {number} intake */
export function inStage({ started_at: started, stages }, now, intake = 0) {
  if (!started) return 0;
  const before = stages.reduce((sum, { seconds }) => sum + (seconds || 0), intake);
  return Math.max((now - new Date(started).getTime()) / 1000 - before, 0);
}

function beat() {
  if (!timed || isFinal(timed.analysis.state)) return;
  const { analysis, planned } = timed, now = Date.now(), places = all("[data-clock]");
  if (!places.length) return clearInterval(beating); // the page has gone
  const elapsed = analysis.started_at ? Math.max((now - new Date(analysis.started_at).getTime()) / 1000, 0) : 0;
  const whole = Object.values(planned).reduce((sum, each) => sum + each, 0);
  for (const place of places) {
    const stage = String(place.dataset.clock);
    place.textContent = stage ? timeSaid(inStage(analysis, now, timed.intake), planned[stage] || 0) : timeSaid(elapsed, whole);
  }
}

/** From now on this job's time is told. @param {Analysis} analysis @param {Record<string, number>} planned @param {number} intake */
export function clock(analysis, planned, intake) {
  timed = { analysis, planned, intake };
  clearInterval(beating);
  if (!isFinal(analysis.state)) beating = setInterval(beat, 1000);
  beat();
}
