// The analysis page's state is its address: read from one, written into one.
import { once } from "../figures/arrays.mjs";
import { exponential } from "../page/numbers.mjs";
import { thresholdOf } from "./counts.mjs";

export const PINS = 12;
const LONGEST = 200; // letters of the layers asked for

/**
 * @template None
 * @param {string | null} text
 * @param {number} low
 * @param {number} high
 * @param {None} none
 * @returns {number | None}
 */
function whole(text, low, high, none) {
  const value = Number(text);
  return text !== null && text !== "" && Number.isInteger(value) && value >= low && value <= high ? value : none;
}

/** @param {string | null} text @param {Payload} payload */
function pinned(text, payload) {
  const last = payload.points ? once(payload.points).length - 1 : -1;
  const found = (text || "").split(",").map((part) => whole(part.trim() || null, 0, last, null));
  return [...new Set(found.filter((point) => point !== null))].slice(0, PINS);
}

/** λ asked for, within the curves; the report's own, or the middle of the curves, for none. @param {string | null} text @param {Payload} payload */
function lambdaOf(text, payload) {
  const grid = payload.curves?.lambda, asked = Number(text);
  if (grid && asked > 0) return Math.min(Math.max(asked, grid[0]), grid[grid.length - 1]);
  return payload.lambda || (grid ? grid[Math.floor(grid.length / 2)] : null);
}

/** @param {Payload} payload */
const stepsOf = (payload) => (payload.walk ? payload.walk.epsilon[0].length : 1);

/**
 * @param {URLSearchParams} query
 * @param {Payload} payload
 * @param {string} plane which of the address's planes can be shown
 * @returns {View}
 */
export function viewOf(query, payload, plane) {
  const steps = stepsOf(payload), field = query.get("field");
  return {
    vector: whole(query.get("vector"), 1, Math.max(payload.vectors, 1), 1),
    lambda: lambdaOf(query.get("lambda"), payload),
    threshold: thresholdOf(query.get("threshold"), payload.counts),
    points: pinned(query.get("point"), payload),
    view: query.get("view") || "overlaps",
    plane,
    field: field === "class" || field === "gap" ? field : "",
    colour: query.get("colour") === "class" ? "class" : "",
    margins: query.get("margins") !== "off",
    flip: query.get("sign") === "-",
    log: query.get("spectrum") === "log",
    linear: query.get("gap") === "linear",
    layers: (query.get("layers") || "").slice(0, LONGEST),
    step: whole(query.get("walk"), 0, steps - 1, Math.floor(steps / 2)),
  };
}

/**
 * The address with this state in it; what is as it is by itself is left out.
 * @param {string} address
 * @param {View} view
 * @param {Payload} payload
 */
export function addressOf(address, view, payload) {
  const url = new URL(address);
  /** @type {Record<string, string | number | null>} */
  const said = {
    vector: view.vector,
    lambda: view.lambda ? exponential(view.lambda) : null,
    threshold: view.threshold === thresholdOf(null, payload.counts) ? null : exponential(view.threshold || 0),
    point: view.points.join(","),
    view: view.view,
    plane: view.plane,
    field: view.field,
    colour: view.colour,
    margins: view.margins ? null : "off",
    sign: view.flip ? "-" : null,
    spectrum: view.log ? "log" : null,
    gap: view.linear ? "linear" : null,
    layers: view.layers,
    walk: view.step === Math.floor(stepsOf(payload) / 2) ? null : view.step,
  };
  for (const [name, value] of Object.entries(said)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, String(value));
  }
  return url;
}
