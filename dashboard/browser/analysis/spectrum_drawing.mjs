// The spectrum on its symmetric logarithm or a true log axis, the chosen eigenvalue marked.
import { ROLE } from "../contract.mjs";
import { decode } from "../figures/arrays.mjs";
import { colour } from "../figures/palette.mjs";
import { first, is } from "../figures/roles.mjs";
import { unsymlog } from "../figures/symlog.mjs";
import { themed } from "../figures/themed.mjs";
import { number } from "../page/numbers.mjs";

const LOW = 230; // in pixels: beside the map on one screen
const LEAST = 1e-8; // of the largest eigenvalue; what is smaller is not shown on a log axis

/** Places of a trace as eigenvalues; null where there is no place on a log axis. @param {Trace} trace @param {number} linear @param {number} low */
function values(trace, linear, low) {
  return decode(trace.x).map((/** @type {number} */ place) => {
    const value = unsymlog(place, linear);
    return value > low ? value : null;
  });
}

/** Errors of values, in place of those of symlog places. @param {Trace} trace @param {number} low */
function ownErrors(trace, low) {
  const record = decode(trace.customdata);
  const [found, errors] = [1, 2].map((k) => record.map((/** @type {number[]} */ row) => row[k]));
  const least = errors.map((/** @type {number} */ error, /** @type {number} */ k) => Math.min(error, found[k] - low));
  trace.error_x = { ...trace.error_x, array: errors, arrayminus: least };
}

/** A filled outline has no gaps. @param {Trace} trace */
function withoutGaps(trace) {
  const kept = trace.x.map((/** @type {number | null} */ x) => x !== null);
  for (const name of ["x", "y"]) trace[name] = decode(trace[name]).filter((/** @type {any} */ _, /** @type {number} */ i) => kept[i]);
}

/** @param {Figure} figure @param {Payload} payload */
function onLogAxis(figure, payload) {
  const { linear } = figure.layout.meta, low = Math.max(...payload.eigenvalues) * LEAST;
  let least = Infinity, most = 0;
  for (const trace of figure.data) {
    trace.x = values(trace, linear, low);
    for (const x of trace.x) if (x !== null) [least, most] = [Math.min(least, x), Math.max(most, x)];
    if (is(trace, ROLE.ON_ALL)) ownErrors(trace, low);
    if (is(trace, ROLE.BAND)) withoutGaps(trace);
  }
  const pad = 0.04 * Math.log10(most / least), { xaxis } = figure.layout;
  figure.layout.xaxis = {
    ...xaxis, type: "log", dtick: most > 30 * least ? 1 : "D2", exponentformat: "power", tickmode: "linear",
    tickvals: undefined, ticktext: undefined, range: [Math.log10(least) - pad, Math.log10(most) + pad],
    title: { ...xaxis.title, text: "eigenvalue λ, positive ones only" },
  };
}

/** Where labels would turn and run into the title, every second one is left out, 0 stays. @param {Layout} axis @param {number} width */
export function thinned(axis, width) {
  if (width >= 480) return axis;
  const zero = axis.ticktext.indexOf("0");
  return { ...axis, ticktext: axis.ticktext.map((/** @type {string} */ label, /** @type {number} */ k) => ((k - zero) % 2 ? "" : label)) };
}

/** @param {Figure} figure @param {Payload} payload @param {View} view */
function chosen(figure, payload, view) {
  const marks = /** @type {Trace} */ (first(figure, ROLE.EIGENVALUES));
  const count = payload.eigenvalues.length, place = view.vector - 1, red = colour("red");
  const each = (/** @type {any} */ on, /** @type {any} */ off) => Array.from({ length: count }, (_, i) => (i === place ? on : off));
  marks.marker = { ...marks.marker, size: each(13, 8), color: each(red, colour("ink")) };
  marks.unselected = { marker: { opacity: 1 } };
  const at = decode(marks.x)[place], right = place < count / 2;
  if (at === null) return;
  figure.layout.shapes = [{ type: "line", xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 0.95, line: { color: red, width: 1 } }];
  figure.layout.annotations = [{
    x: view.log ? Math.log10(at) : at, y: 1, xref: "x", yref: "paper", showarrow: false,
    text: `λ<sub>${view.vector}</sub> = ${number(payload.eigenvalues[place])}`,
    xanchor: right ? "right" : "center", yanchor: "top", xshift: right ? -6 : 0, font: { color: red, size: 12 },
  }];
}

/** @param {Payload} payload @param {View} view @param {number} width */
export function spectrum(payload, view, width) {
  const figure = themed(payload.figures.spectrum);
  if (view.log) onLogAxis(figure, payload);
  else figure.layout.xaxis = thinned(figure.layout.xaxis, width);
  figure.layout.height = Math.min(figure.layout.height, LOW);
  figure.layout.dragmode = matchMedia("(pointer: fine)").matches ? "select" : false;
  figure.layout.selectdirection = "h";
  chosen(figure, payload, view);
  return figure;
}
