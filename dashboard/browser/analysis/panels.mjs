// The analysis page draws each picture again when what it shows has changed, the nearest first.
import { ID, TAB_LABELS } from "../contract.mjs";
import { films, pictures } from "../figures/pictures.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { show, widthOf } from "../figures/show.mjs";
import { byId, idOf, messageOf, one, onPage, refuse } from "../page/dom.mjs";
import { pause } from "../page/fetching.mjs";
import { drawn, walkFrames } from "./drawings.mjs";
import { paintFilmstrip } from "./filmstrip.mjs";
import { shown, state } from "./state.mjs";

const WIDTH = 740; // where a plot has none
/** @type {Record<string, string>} */
const LABELS = TAB_LABELS;
/** Of the tabs only these follow more than the choice of the tab. @type {Record<string, (keyof View)[]>} */
const TAB_DEPENDS = { walk: ["vector", "step"], data: ["points"], token_pull: ["vector"], layers: ["layers"], blocks: ["layers"] };

/** What of the state each plot depends on. @type {Record<string, (view: View) => (keyof View)[]>} */
const PANELS = {
  [ID.BOUNDARY]: () => ["vector", "margins", "flip", "points", "plane", "field", "colour"],
  [ID.SPECTRUM]: () => ["vector", "log"],
  [ID.GAP]: () => ["view", "lambda", "linear"],
  [ID.DETAIL]: (view) => ["view", ...(TAB_DEPENDS[view.view] || [])],
};

/** The parts of the state for which each graph was drawn last. @type {WeakMap<HTMLElement, string>} */
const drawnFor = new WeakMap();

/** @param {string} name @param {View} view */
function keyOf(name, view) {
  const parts = PANELS[name](view).map((part) => view[part]);
  return JSON.stringify([state.arrival, document.documentElement.dataset.theme, window.innerWidth, ...parts]);
}

/** The open tab's figure has its own label, or no place. @param {Payload} payload @param {View} view */
function prepareDetail(payload, view) {
  const label = payload.figures[view.view] && LABELS[view.view];
  one(".detail")?.classList.toggle("no-figure", !label);
  if (label) byId(idOf("frame", ID.DETAIL))?.setAttribute("aria-label", label);
}

/** @param {string} name @param {Payload} payload @param {View} view */
function prepare(name, payload, view) {
  if (name === ID.DETAIL) prepareDetail(payload, view);
  else byId(idOf("frame", name))?.classList.toggle("pending", !payload.figures[name]);
}

/** Whether it was drawn now. @param {string} name */
async function update(name) {
  const graph = byId(name), { payload, view } = state;
  if (!graph || !payload) return false;
  const key = keyOf(name, view);
  if (drawnFor.get(graph) === key) return false;
  drawnFor.set(graph, key);
  prepare(name, payload, view);
  const made = graph.clientWidth ? pictures[name](widthOf(name, WIDTH)) : null;
  // What could not be shown, because its place was being replaced, is not drawn yet.
  if (made && !(await show(name, made))) {
    drawnFor.delete(graph);
    asked = asked || byId(name) !== graph;
  }
  return Boolean(made);
}

/** @param {string} name */
const isNear = (name) => /** @type {HTMLElement} */ (byId(name)).getBoundingClientRect().top < window.innerHeight + 200;

/** Plots of the page: what is in the window first. */
function inOrder() {
  const names = Object.keys(PANELS).filter(byId), near = names.filter(isNear);
  return [...near, ...names.filter((name) => !near.includes(name))];
}

let running = false, asked = false;

async function drawAll() {
  while (asked) {
    asked = false;
    const now = shown();
    if (!now) return;
    prepareDetail(now.payload, now.view); // what is below must not move once it is read
    paintFilmstrip(now.payload, now.view);
    for (const name of inOrder()) {
      if (await update(name)) await pause();
      if (asked || !onPage("analysis")) break;
    }
  }
}

/** Draws what has changed when there is time; a change meanwhile starts over. */
export async function redraw() {
  asked = true;
  if (running) return;
  running = true;
  try {
    await drawAll();
  } catch (error) {
    refuse(ID.ANALYSIS_PROBLEM, messageOf(error));
  } finally {
    running = false;
  }
}

export function listen() {
  films[ID.DETAIL] = async (width) => walkFrames(width);
  for (const name of [ID.BOUNDARY, ID.SPECTRUM, ID.GAP, ID.FILMSTRIP]) pictures[name] = (width) => drawn(name, width);
  pictures[ID.DETAIL] = (width) => (LABELS[state.view.view] ? drawn(state.view.view, width) : null);
  whenResized(() => {
    if (shown()) redraw();
  });
}
