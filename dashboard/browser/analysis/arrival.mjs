// The figures of an analysis come, and come again while later stages run.
import { ID } from "../contract.mjs";
import { plotly } from "../figures/plotly.mjs";
import { messageOf, one, onPage, refuse } from "../page/dom.mjs";
import { patientFetch, pause } from "../page/fetching.mjs";
import { showTimes } from "../page/times.mjs";
import { showControls, offer } from "./controls.mjs";
import { showCrossings } from "./image_views.mjs";
import { showLayers } from "./layers.mjs";
import { redraw } from "./panels.mjs";
import { showPlane } from "./plane_menus.mjs";
import { showHardest, showPoints } from "./points.mjs";
import { countEigenvalues, showLambda, showThreshold, showWalk } from "./readouts.mjs";
import { arrive, state, whenChanged } from "./state.mjs";

/** @typedef {{ id: string, reply: Promise<Response> }} Early */

/** A reply that was asked for before the modules were there. @type {Early | null} */
let early = null;

/** @type {EventSource | null} */
let stream = null;
/** @type {string | null} */
let begun = null;

/** @param {unknown} error */
const say = (error) => refuse(ID.ANALYSIS_PROBLEM, messageOf(error));

/** @param {string} id @returns {Promise<Payload>} */
async function fetched(id) {
  const first = early?.id === id ? early.reply : null;
  early = null;
  const reply = await patientFetch("/drawings/" + id, first);
  if (!reply.ok) throw new Error((await reply.json()).sentence || `The figures could not be made (${reply.status}).`);
  return reply.json();
}

/**
 * The reply may be there before the page that it is for: React puts it up when it has time, which
 * on a busy machine is many seconds later.
 * @param {string} id
 */
async function pageOf(id) {
  for (let wait = 25; begun === id; wait = Math.min(1.02 * wait, 1000)) {
    if (onPage("analysis")) return true;
    await pause(wait);
  }
  return false;
}

/** @param {string} id */
async function show(id) {
  const payload = await fetched(id);
  if (!(await pageOf(id))) return;
  offer(payload);
  countEigenvalues(payload);
  arrive(payload);
}

/** While later stages run: the page is loaded again, its state in the address, when one ends. @param {string} id */
function follow(id) {
  const opened = (stream = new EventSource(`/api/v1/analyses/${id}/events`));
  const on = (/** @type {typeof import("../contract.mjs").EVENTS[number]} */ name, /** @type {(data: any) => void} */ heard) =>
    opened.addEventListener(name, (event) => heard(JSON.parse(event.data)));
  const ended = (/** @type {{ state: string }} */ { state: now }) => {
    if (["done", "failed", "skipped"].includes(now) && onPage("analysis")) location.reload();
  };
  on("stage", ended);
  on("state", ended);
  on("problem", ({ sentence }) => {
    opened.close();
    refuse(ID.ANALYSIS_PROBLEM, sentence);
  });
}

/** Dash has an analysis's page; `final` says that nothing of it will change. @param {string | undefined} id @param {boolean} final */
export function begin(id, final) {
  stream?.close();
  stream = null;
  begun = id || null;
  if (!id) return;
  state.payload = null;
  document.title = `${one("h1")?.textContent || "Analysis"} · minimascope`;
  showTimes();
  show(id).catch(say);
  plotly().catch(say);
  if (!final) follow(id);
}

/** @param {Early | null} given */
export function listen(given) {
  early = given;
  const readouts = [showControls, showLambda, showThreshold, showPoints, showWalk, showHardest, showCrossings];
  for (const follower of [...readouts, showPlane, showLayers, redraw]) whenChanged(follower);
}
