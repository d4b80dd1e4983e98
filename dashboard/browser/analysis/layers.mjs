// The layer tabs show the layers whose names hold one of the words asked for, or all where none does.
import { decode } from "../figures/arrays.mjs";
import { themed } from "../figures/themed.mjs";
import { all, field, idOf, one } from "../page/dom.mjs";

const LEAST_HEIGHT = 220;

/** All rows of a figure, and those asked for. @param {Figure} figure @param {string} text */
export function rowsNamed(figure, text) {
  const rows = [...new Set(figure.data.flatMap((trace) => decode(trace.y)))].map(String);
  const words = text.toLowerCase().split(",").map((word) => word.trim()).filter(Boolean);
  const asked = rows.filter((row) => words.some((word) => row.toLowerCase().includes(word)));
  return { rows, missed: words.length > 0 && !asked.length, shown: asked.length ? asked : rows };
}

/** A trace's entries of the rows to keep; what is not an entry a row stays. @param {Trace} trace @param {Set<string>} keep */
function picked(trace, keep) {
  /** @type {string[]} */
  const rows = decode(trace.y), chosen = rows.flatMap((row, i) => (keep.has(row) ? [i] : []));
  const part = (/** @type {any} */ value) => {
    const list = decode(value);
    return Array.isArray(list) && list.length === rows.length ? chosen.map((i) => list[i]) : value;
  };
  /** @type {Trace} */
  const copy = { ...trace, y: part(trace.y), customdata: part(trace.customdata) };
  const values = trace.z ? "z" : "x"; // columns of a heatmap stay
  copy[values] = part(trace[values]);
  if (trace.error_x) copy.error_x = { ...trace.error_x, array: part(trace.error_x.array) };
  if (trace.marker) copy.marker = { ...trace.marker, symbol: part(trace.marker.symbol) };
  return copy;
}

/** @param {Figure} figure @param {string} text */
export function withLayers(figure, text) {
  const { rows, shown } = rowsNamed(figure, text), { layout } = figure, order = layout.yaxis.categoryarray;
  if (shown.length === rows.length) return figure;
  const { rowless } = layout.meta;
  layout.height = Math.max(LEAST_HEIGHT, rowless + ((layout.height - rowless) * shown.length) / rows.length);
  if (order) {
    const kept = order.filter((/** @type {string} */ row) => shown.includes(row));
    layout.yaxis = { ...layout.yaxis, categoryarray: kept, range: [-0.6, shown.length - 0.4] };
  }
  figure.data = figure.data.map((trace) => picked(trace, new Set(shown))).filter((trace) => trace.y.length);
  return figure;
}

/** How a layer tab is drawn. @param {"layers" | "blocks"} name @returns {(payload: Payload, view: View) => Figure} */
export const layerDrawing = (name) => (payload, view) => withLayers(themed(payload.figures[name]), view.layers);

/** The fields that name layers, and how many are shown. @param {View} view @param {Payload} payload */
export function showLayers(view, payload) {
  for (const side of all(".side")) {
    const name = String(side.dataset.side), words = field(idOf("words", name)), figure = payload.figures[name];
    if (!words || !figure) continue;
    const { rows, shown, missed } = rowsNamed(figure, view.layers);
    if (words !== document.activeElement) words.value = view.layers;
    const some = shown.length < rows.length ? `${shown.length} of ${rows.length} layers` : "";
    /** @type {HTMLElement} */ (one(".layer-count", side)).textContent = missed ? "No layer has such a name; all are shown." : some;
  }
}
