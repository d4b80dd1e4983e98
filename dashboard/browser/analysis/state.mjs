// What the analysis page shows, and whoever follows it. Back and Forward walk through it.
import { all, onPage } from "../page/dom.mjs";
import { addressOf, PINS, viewOf } from "./address.mjs";
import { planeOf } from "./planes.mjs";

/** @type {{ payload: Payload | null, arrival: number, view: View, path: string | null }} */
export const state = { payload: null, arrival: 0, view: /** @type {any} */ ({}), path: null };

/** @type {((view: View, payload: Payload) => void)[]} */
const followers = [];

/** @param {(view: View, payload: Payload) => void} follower called at every change, in this order */
export const whenChanged = (follower) => followers.push(follower);

/** What is shown, where the analysis page is and its figures are here. */
export function shown() {
  return state.payload && onPage("analysis") ? { payload: state.payload, view: state.view } : null;
}

/** @param {Payload} payload */
const inAddress = (payload) => {
  const query = new URLSearchParams(location.search);
  return viewOf(query, payload, planeOf(query, payload));
};

/** @param {View} view @param {boolean} replace */
function follow(view, replace) {
  const { payload } = state;
  if (!payload) return;
  state.view = view;
  const tabs = all("[data-tab]").filter((tab) => !tab.hidden).map((tab) => String(tab.dataset.tab));
  if (!tabs.includes(view.view)) view.view = tabs[0];
  const url = addressOf(location.href, view, payload);
  if (url.href !== location.href) history[replace ? "replaceState" : "pushState"](history.state, "", url);
  for (const follower of followers) follower(view, payload);
}

/**
 * Merges a change into the state; pictures, controls and address follow. A drag replaces the address.
 * @param {Partial<View>} change
 */
export function set(change, { drag = false } = {}) {
  if (state.payload) follow({ ...state.view, ...change }, drag);
}

/** Pins a point, or unpins one that was pinned. @param {number} point */
export function pin(point) {
  const others = state.view.points.filter((p) => p !== point);
  set({ points: others.length === state.view.points.length ? [...others, point].slice(-PINS) : others });
}

/** Figures have come, or changed: everything is drawn as the address says. @param {Payload} payload */
export function arrive(payload) {
  state.payload = payload;
  state.arrival += 1;
  state.path = location.pathname;
  follow(inAddress(payload), true);
}

export function listen() {
  // The page is here already: a step in its own history needs no server. Dash is not told.
  const step = (/** @type {Event} */ event) => {
    if (!state.payload || state.path !== location.pathname || !onPage("analysis")) return;
    event.stopImmediatePropagation();
    follow(inAddress(state.payload), true);
  };
  window.addEventListener("popstate", step, true);
}
