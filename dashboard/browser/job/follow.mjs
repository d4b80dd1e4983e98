// The job page follows server-sent events: a snapshot first, then each change.
import { EVENTS, ID } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { byId } from "../page/dom.mjs";
import { showTimes } from "../page/times.mjs";
import { logOf, say } from "./log.mjs";
import { render, renderEnd } from "./render.mjs";
import { isFinal, stageWords } from "./words.mjs";

/** @type {EventSource | null} */
let source = null;
/** @type {string | null} */
let followed = null;
/** @type {import("./words.mjs").Silence | null} */
let silence = null;
let results = ""; // where it is opened
/** @type {Analysis | null} */
let last = null;

function stop() {
  source?.close();
  source = null;
}

/** Who waited for the end gets the result. @param {Analysis} analysis */
function show(analysis) {
  const waited = last?.id === analysis.id && !isFinal(last.state);
  if (waited && analysis.state === "done" && byId(ID.JOB_LIVE)) setProps(ID.HERE, { href: results });
  last = analysis;
  if (!render(analysis, silence) || isFinal(analysis.state)) stop();
}

// What changes while an answer is on its way may not be in it: that is asked for once more. One
// that arrives after the end (`source` is closed) is older than the end.
let asking = false, again = false;

/** @param {string} id */
async function refresh(id) {
  again = asking;
  if (asking) return;
  asking = true;
  try {
    const reply = await fetch(`/api/v1/analyses/${id}`, { headers: { accept: "application/json" } });
    const found = reply.ok ? await reply.json() : null;
    if (found && id === followed && source) show(found);
  } finally {
    asking = false;
  }
  if (again && id === followed && source) refresh(id);
}

/** @param {{ silent: boolean, lease: number }} data */
function heardSilence(data) {
  silence = data.silent ? data : null;
  say(data.silent ? "no word from the worker" : "the worker speaks again");
  if (last) show(last);
}

/** @param {string} id @param {string} name @param {any} data */
function heard(id, name, data) {
  if (name === "silent") return heardSilence(data);
  if (name === "problem") {
    stop();
    return renderEnd(data);
  }
  if (name === "snapshot") silence = null;
  if (name === "progress") say(data.message);
  if (name === "stage") say(`${stageWords(data.stage)}: ${data.state}`);
  if (Array.isArray(data.stages) && data.state) return show(data);
  if (data.analysis?.stages) return show(data.analysis);
  return refresh(id);
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {string} id */
function open(id) {
  source = new EventSource(`/api/v1/analyses/${id}/events`);
  for (const name of EVENTS) {
    source.addEventListener(name, (event) => {
      const data = parsed(event.data);
      if (data) heard(id, name, data);
    });
  }
  source.onerror = () => refresh(id);
}

/** Dash has a job to show. @param {{ analysis: Analysis, results: string } | null} job */
export function follow(job) {
  if (!job) return;
  const { analysis } = job;
  followed = analysis.id;
  results = job.results;
  silence = last = null;
  stop();
  requestAnimationFrame(() => {
    showTimes();
    logOf(analysis.id);
    show(analysis);
    say(analysis.message);
  });
  if (!isFinal(analysis.state)) open(analysis.id);
}
