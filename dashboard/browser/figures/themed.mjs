// Figures arrive with their themed paths named; here they take the page's colours.
import { colour, diverging } from "./palette.mjs";

const AXIS = /^[xy]axis\d*$/;

/** Every axis of a layout by name. @param {Layout} layout */
export const axesOf = (layout) => Object.keys(layout).filter((key) => AXIS.test(key));

/**
 * Sets `a.b.0.c` of an object; what lies on the way is copied first.
 * @param {any} object
 * @param {string} path
 * @param {any} value
 */
export function put(object, path, value) {
  const keys = path.split("."), last = /** @type {string} */ (keys.pop());
  for (const key of keys) object = object[key] = Array.isArray(object[key]) ? object[key].slice() : { ...object[key] };
  object[last] = value;
}

/** @param {Trace} trace */
function themedTrace(trace) {
  const copy = { ...trace }, tokens = trace.meta?.tokens || {};
  for (const path in tokens) put(copy, path, tokens[path] === "diverging" ? diverging() : colour(tokens[path]));
  if (copy.colorbar || copy.marker?.colorbar) {
    const where = copy.colorbar ? copy : (copy.marker = { ...copy.marker });
    where.colorbar = { ...where.colorbar, tickfont: { color: colour("muted"), size: 11.5 } };
  }
  return copy;
}

/** @param {Layout} axis */
function themedAxis(axis) {
  return {
    ...axis,
    gridcolor: colour("grid"), linecolor: colour("rule"), tickcolor: colour("rule"), zerolinecolor: colour("rule"),
    tickfont: { color: colour("muted"), size: 11.5 },
    title: { ...axis.title, font: { color: colour("muted"), size: 12 } },
  };
}

/**
 * A copy of `figure` in the page's palette; data arrays are shared, never copied.
 * @param {Figure} figure
 * @returns {Figure}
 */
export function themed(figure) {
  /** @type {Layout} */
  const layout = { ...figure.layout, paper_bgcolor: colour("page"), plot_bgcolor: colour("page"), autosize: true };
  delete layout.template;
  layout.font = { ...layout.font, color: colour("ink") };
  layout.hoverlabel = { ...layout.hoverlabel, bgcolor: colour("wash"), bordercolor: colour("rule") };
  layout.hoverlabel.font = { ...layout.hoverlabel.font, color: colour("ink") };
  for (const key of axesOf(layout)) layout[key] = themedAxis(layout[key]);
  const tokens = layout.meta?.tokens || {};
  for (const path in tokens) put(layout, path, colour(tokens[path]));
  return { data: figure.data.map(themedTrace), layout };
}
