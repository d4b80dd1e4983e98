// The plane under the map: chosen in menus, kept in the address, computed by a worker when new.
import { ID, PLANE_TYPED } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { around, byId, field, idOf, select } from "../page/dom.mjs";
import { embedded, EMBEDDINGS, isPlane, planes } from "./planes.mjs";
import { set, state } from "./state.mjs";

const WAITING = "A worker computes this plane; the map changes when it is there.";
const AGAIN_MILLISECONDS = 6000;
const asked = new Set();
/** @type {string} */
let typing = "";
/** @type {string | null} */
let analysis = null;

/** How many numbers a kind takes; 0: none are typed. @param {string} kind */
const typedOf = (kind) => /** @type {Record<string, number>} */ (PLANE_TYPED)[kind] || 0;

/** @param {string} kind @param {View} view */
const suggested = (kind, view) => (kind === "points" ? view.points.slice(-3).join(", ") : "1, 3");

/** @param {string} words */
function say(words) {
  const out = byId(ID.PLANE_NOTE);
  if (out) out.textContent = words;
}

/** What there is to say of a chosen plane; nothing while a worker computes it. @param {string} plane */
function wordsOf(plane) {
  const found = planes[plane];
  return EMBEDDINGS[plane] || found?.problem || found?.words;
}

/** @param {View} view */
function note({ plane }) {
  const out = byId(ID.PLANE_NOTE), words = wordsOf(plane);
  if (!out) return;
  if (out.dataset.standard === undefined) out.dataset.standard = out.textContent || "";
  out.textContent = plane ? words || WAITING : out.dataset.standard;
  const frame = byId(idOf("frame", ID.BOUNDARY));
  frame?.classList.toggle("waiting", Boolean(plane && !words));
  out.classList.toggle("bad", Boolean(planes[plane]?.problem));
  if (plane && words) frame?.setAttribute("aria-label", words);
}

/** @param {Payload} payload @param {View} view */
function planeMenu(payload, view) {
  const menu = select(ID.PLANE_MENU), rows = field(ID.PLANE_ROWS);
  if (!menu || !rows) return;
  const kind = typing || view.plane.split(":")[0], typed = typedOf(kind);
  menu.value = kind;
  for (const option of menu.options) {
    if (EMBEDDINGS[option.value]) option.hidden = option.disabled = !embedded(payload, option.value);
  }
  for (const id of [ID.PLANE_ROWS_FIELD, ID.PLANE_DRAW]) /** @type {HTMLElement} */ (byId(id)).hidden = !typed;
  if (typed && document.activeElement !== rows) {
    rows.value = typing ? suggested(kind, view) : view.plane.split(":")[1].replace(/,/g, ", ");
  }
  rows.setAttribute("aria-label", kind === "points" ? "Three training rows" : "Two components");
}

/** @param {Payload} payload @param {View} view */
function menus(payload, view) {
  planeMenu(payload, view);
  const scatter = Boolean(embedded(payload, view.plane)) || !payload.plane;
  for (const [id, value, hidden] of /** @type {const} */ ([[ID.FIELD_MENU, view.field, scatter], [ID.COLOUR_MENU, view.colour, !scatter]])) {
    const menu = select(id);
    if (!menu) continue;
    menu.value = value;
    /** @type {HTMLElement} */ (menu.closest(".menu-choice")).hidden = hidden;
  }
}

/** Menus, words and, where the plane is not here yet, the question. @param {View} view @param {Payload} payload */
export function showPlane(view, payload) {
  if (analysis !== state.path) {
    for (const key of Object.keys(planes)) delete planes[key];
    asked.clear();
    [analysis, typing] = [state.path, ""];
  }
  menus(payload, view);
  note(view);
  if (!view.plane || EMBEDDINGS[view.plane] || asked.has(view.plane)) return;
  asked.add(view.plane);
  ask(view.plane, 2);
}

/** Dash drops what is set while its own first callbacks run: asked again until it is answered. @param {string} key @param {number} again */
function ask(key, again) {
  setProps(ID.PLANE_ASK, { data: { key, at: Date.now() } });
  const repeat = () => {
    if (!planes[key] && asked.has(key) && byId(ID.PLANE_NOTE)) ask(key, again - 1);
  };
  if (again) setTimeout(repeat, AGAIN_MILLISECONDS);
}

function draw() {
  const kind = typing || state.view.plane.split(":")[0];
  const numbers = (field(ID.PLANE_ROWS)?.value || "").split(/[\s,]+/).filter(Boolean);
  const key = `${kind}:${numbers.join(",")}`;
  if (!isPlane(key)) {
    const wanted = kind === "points" ? "three training rows, from 0" : "two components, from 1";
    return say(`Give ${wanted}, separated by commas.`);
  }
  typing = "";
  asked.delete(key); // a plane that failed is asked for again
  set({ plane: key });
}

/** @param {string} kind @param {Payload} payload */
function chosen(kind, payload) {
  const { view } = state;
  typing = typedOf(kind) ? kind : "";
  if (!typing) return set({ plane: kind === "extremes" ? `extremes:${view.vector}` : kind });
  menus(payload, view);
  if (kind !== "points" || view.points.length >= typedOf(kind)) return draw();
  say("Click three points on the map, or give three training rows; then Draw.");
}

/** A worker's answer. @param {Plane | null} answer */
export function planeArrived(answer) {
  if (!answer || !state.payload) return undefined;
  planes[answer.key] = answer;
  state.arrival += 1;
  set({}, { drag: true });
  return answer.key;
}

export function listen() {
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (!state.payload || !(target instanceof HTMLSelectElement)) return;
    if (target.id === ID.PLANE_MENU) chosen(target.value, state.payload);
    if (target.id === ID.FIELD_MENU) set({ field: /** @type {View["field"]} */ (target.value) });
    if (target.id === ID.COLOUR_MENU) set({ colour: /** @type {View["colour"]} */ (target.value) });
  });
  document.addEventListener("click", (event) => {
    if (around(event, `#${ID.PLANE_DRAW}`)) draw();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && around(event, `#${ID.PLANE_ROWS}`)) draw();
  });
}
