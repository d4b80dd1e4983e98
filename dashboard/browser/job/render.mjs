// One job as it is now: progress, what is wrong, its stages, what can be done.
import { ID } from "../contract.mjs";
import { alertBox, byId, element } from "../page/dom.mjs";
import { clock, spanWords } from "./clock.mjs";
import { intakeOf, lookAt, planned as plannedOf } from "./first_look.mjs";
import { sayWhatIsBefore } from "./queue.mjs";
import { isFinal, lostWords, problemWords, secondsWords, stageWords, stateWords } from "./words.mjs";

/** A time that `clock` keeps: of a stage, or of the whole; it is read out by nobody. @param {string} stage */
function ticking(stage) {
  const place = element("span", "stage-time");
  place.dataset.clock = stage;
  place.setAttribute("aria-live", "off");
  return place;
}

/** How long a stage took, or may take. @param {Stage} stage @param {Record<string, number>} planned */
function timeOf({ stage, state, seconds }, planned) {
  if (state === "running") return ticking(stage);
  const foreseen = state === "waiting" && planned[stage] ? `about ${spanWords(planned[stage])}` : "";
  return element("span", "stage-time", secondsWords(seconds) || foreseen);
}

/** @param {Stage} stage @param {Record<string, number>} planned */
const stageRow = (stage, planned) => element("li", "stage stage-" + stage.state,
  element("span", "stage-mark"), element("span", "stage-name", stageWords(stage.stage)),
  element("span", "stage-state", stage.state), timeOf(stage, planned));

/** @param {Analysis} analysis */
function head({ state, progress, message }) {
  const share = Math.round(100 * (state === "done" ? 1 : progress)), bar = element("progress", "job-bar");
  bar.max = 100;
  bar.value = share;
  bar.setAttribute("aria-label", "Progress");
  const words = element("p", "job-state state-" + state, stateWords(state));
  const time = state === "running" ? ticking("") : null;
  const line = element("div", "job-line", words, time, element("span", "job-share", share + "\u202f%"));
  return element("div", "job-head", line, bar, element("p", "job-message", state === "queued" ? "" : message));
}

/** @param {"bad" | "warn"} tone @param {string[]} words */
const said = (tone, words) => (words.length ? [alertBox(tone, words)] : []);

/** @param {string} id @param {boolean} visible */
const shown = (id, visible) => byId(id)?.classList.toggle("gone", !visible);

/** @param {Analysis} analysis */
function actions({ state, stages }) {
  shown(ID.JOB_RESULTS, state === "done" || stages.some((stage) => stage.state === "done"));
  const results = byId(ID.JOB_RESULTS);
  if (results) results.textContent = state === "done" ? "Open results" : "Open partial results";
  shown(ID.JOB_CANCEL, !isFinal(state));
  shown(ID.JOB_RETRY, state === "failed" || state === "cancelled");
}

/** False where the page has gone. @param {Analysis} analysis @param {import("./words.mjs").Silence | null} silence */
export function render(analysis, silence) {
  const place = byId(ID.JOB_LIVE), placeholder = byId(ID.JOB_PLACEHOLDER);
  if (!place) return false;
  if (placeholder) placeholder.hidden = true;
  const foreseen = plannedOf(analysis.id);
  const notices = [...said("bad", problemWords(analysis)), ...said("warn", lostWords(analysis, silence))];
  place.replaceChildren(head(analysis), ...notices, element("ol", "stages", ...analysis.stages.map((each) => stageRow(each, foreseen))));
  actions(analysis);
  clock(analysis, foreseen, intakeOf(analysis.id));
  lookAt(analysis.id);
  sayWhatIsBefore(analysis);
  return true;
}

/** In place of a job that was deleted, or that one may no longer read. @param {Problem} problem */
export function renderEnd({ sentence, advice }) {
  byId(ID.JOB_LIVE)?.replaceChildren(alertBox("bad", [sentence, advice || ""]));
  for (const id of [ID.JOB_RESULTS, ID.JOB_CANCEL, ID.JOB_RETRY]) shown(id, false);
}
