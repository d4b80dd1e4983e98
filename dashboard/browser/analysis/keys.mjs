// Keys, buttons and fields of the analysis page.
import { GROUPS, ID } from "../contract.mjs";
import { exportPlot } from "../export/menus.mjs";
import { all, around, byId, idOf, one } from "../page/dom.mjs";
import { showHelp } from "../page/help.mjs";
import { endsOf, stepped } from "./curves.mjs";
import { countEigenvalues, SLIDER_STEPS } from "./readouts.mjs";
import { pin, set, shown } from "./state.mjs";

/** @typedef {{ payload: Payload, view: View }} Shown */

/** @param {Shown} now @param {number} k */
function choose({ payload }, k) {
  if (k >= 1 && k <= payload.vectors) set({ vector: k });
}

/** @param {Shown} now @param {number} steps */
function move({ payload, view }, steps) {
  if (payload.curves && view.lambda) set({ lambda: stepped(payload.curves, view.lambda, steps) });
}

/** @type {Record<string, (now: Shown) => void>} */
const KEYS = {
  "[": (now) => choose(now, now.view.vector - 1),
  "]": (now) => choose(now, now.view.vector + 1),
  ",": (now) => move(now, -1),
  ".": (now) => move(now, 1),
  m: ({ view }) => set({ margins: !view.margins }),
  f: ({ view }) => set({ flip: !view.flip }),
  e: () => exportPlot(ID.BOUNDARY, "svg"),
  Escape: () => set({ points: [] }),
};

/** @type {Record<string, (now: Shown) => void>} */
const SWITCHES = {
  [ID.MARGINS_SWITCH]: KEYS.m,
  [ID.SIGN_SWITCH]: KEYS.f,
  [ID.LOG_SWITCH]: ({ view }) => set({ log: !view.log }),
  [ID.LINEAR_SWITCH]: ({ view }) => set({ linear: !view.linear }),
};

/** What a button does with the value of a data attribute it has. @type {Record<string, (now: Shown, value: string) => void>} */
const ACTS = {
  vector: (now, value) => choose(now, Number(value)),
  tab: (_, value) => set({ view: value }),
  group: (_, value) => open(value),
  goto: (_, value) => {
    set({ view: value });
    one(".panel-tabs")?.scrollIntoView({ behavior: "smooth" });
  },
  pin: (_, value) => pin(Number(value)),
  unpin: (_, value) => pin(Number(value)),
};

/** A group opens at the first of its parts that is offered. @param {string} group */
function open(group) {
  const parts = /** @type {Record<string, readonly string[]>} */ (GROUPS)[group] || [];
  const part = parts.find((name) => !byId(idOf("tab", name))?.hidden);
  if (part) set({ view: part });
}

/** @param {HTMLElement} from @param {string} key */
function nextTab(from, key) {
  const tabs = all("[data-group]").filter((tab) => !tab.hidden);
  const step = key === "ArrowRight" ? 1 : tabs.length - 1;
  const next = tabs[(tabs.indexOf(from) + step) % tabs.length];
  next.focus();
  open(String(next.dataset.group));
}

/** Keys of every page; whether it was one. @param {KeyboardEvent} event */
function everywhere(event) {
  const filter = byId(ID.FILTER);
  if (event.key === "?") showHelp(true);
  else if (event.key === "/" && filter) filter.focus();
  else return false;
  event.preventDefault();
  return true;
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (around(event, "input:not([type=range]), textarea, select") || everywhere(event)) return;
  const now = shown(), tab = around(event, "[role=tab]");
  if (!now) return;
  if (/^[1-9]$/.test(event.key)) choose(now, Number(event.key));
  else if (tab === event.target && tab && /^Arrow(Left|Right)$/.test(event.key)) nextTab(tab, event.key);
  else KEYS[event.key]?.(now);
}

/** @param {MouseEvent} event */
function clicked(event) {
  const button = around(event, "button"), now = shown();
  if (!button || !now) return;
  for (const [name, act] of Object.entries(ACTS)) if (button.dataset[name]) act(now, String(button.dataset[name]));
  SWITCHES[button.id]?.(now);
}

/** @param {Shown} now @param {string} id @param {string} value */
function entered({ payload }, id, value) {
  if (id === idOf("words", "layers") || id === idOf("words", "blocks")) set({ layers: value }, { drag: true });
  else if (id === ID.COUNT_LOW || id === ID.COUNT_HIGH) countEigenvalues(payload);
  else if (id === ID.WALK_SLIDER) set({ step: Number(value) }, { drag: true });
  else if (id === ID.THRESHOLD_SLIDER && payload.counts) set({ threshold: payload.counts.threshold[Number(value)] }, { drag: true });
  else if (id === ID.LAMBDA_SLIDER && payload.curves) {
    const [low, high] = endsOf(payload.curves);
    set({ lambda: 10 ** (low + ((high - low) * Number(value)) / SLIDER_STEPS) }, { drag: true });
  }
}

export function listen() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", clicked);
  document.addEventListener("input", (event) => {
    const now = shown();
    if (now && event.target instanceof HTMLInputElement) entered(now, event.target.id, event.target.value);
  });
}
