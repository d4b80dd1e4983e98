// The walk: the boundary at θ + ε v_k over the boundary at θ, loss and accuracy beside it.
import { ROLE } from "../contract.mjs";
import { once } from "../figures/arrays.mjs";
import { colour } from "../figures/palette.mjs";
import { every, is } from "../figures/roles.mjs";
import { themed } from "../figures/themed.mjs";
import { classEdges } from "./class_edges.mjs";

/** The walk that is drawn (from 0): the chosen vector, or the last that was walked. @param {Walk} found @param {View} view */
export const walked = (found, view) => Math.min(view.vector, found.epsilon.length) - 1;

/** Narrow: the plane above, the curves below it. @param {Layout} layout */
function stacked(layout) {
  layout.height = 720;
  if (!layout.xaxis3) return;
  layout.yaxis3 = { ...layout.yaxis3, domain: [0.52, 1] };
  layout.xaxis3 = { ...layout.xaxis3, domain: [0, 1] };
  layout.xaxis = { ...layout.xaxis, domain: [0, 1] };
  layout.yaxis = { ...layout.yaxis, domain: [0.24, 0.42] };
  layout.yaxis2 = { ...layout.yaxis2, domain: [0, 0.18] };
}

/** The plane's classes at this step. @param {Figure} figure @param {Walk} walk @param {number} k @param {number} step */
function planeAt(figure, { classes, epsilon, x, y }, k, step) {
  if (!classes || !x || !y) return;
  const flat = once(classes)[k * epsilon[k].length + step], side = x.length;
  for (const trace of figure.data) {
    if (is(trace, ROLE.WALKED_REGIONS)) trace.z = y.map((_, row) => flat.slice(row * side, (row + 1) * side));
    if (is(trace, ROLE.WALKED_BOUNDARY)) Object.assign(trace, classEdges(flat, x, y));
  }
}

/** @param {Figure} figure @param {Walk} walk @param {number} k @param {number} step */
function marksAt(figure, { epsilon, loss, accuracy }, k, step) {
  const mark = {
    type: "scatter", mode: "markers", showlegend: false, hoverinfo: "skip", cliponaxis: false, x: [epsilon[k][step]], xaxis: "x",
    marker: { size: 9, color: colour("page"), line: { width: 2, color: colour("red") } },
  };
  figure.data.push({ ...mark, name: "loss at ε", y: [loss[k][step]], yaxis: "y" });
  if (accuracy) figure.data.push({ ...mark, name: "accuracy at ε", y: [accuracy[k][step]], yaxis: "y2" });
}

/** @param {Payload} payload @param {View} view @param {number} width */
export function walk(payload, view, width) {
  const figure = themed(payload.figures.walk), found = /** @type {Walk} */ (payload.walk), k = walked(found, view);
  for (const trace of every(figure, ROLE.WALK)) {
    const chosen = trace.meta.vector === k + 1;
    trace.line = { ...trace.line, width: chosen ? 3 : 1 };
    trace.opacity = chosen ? 1 : 0.55;
  }
  planeAt(figure, found, k, view.step);
  // The chosen walk fills the axes; the others, of other lengths, run out of them.
  const reach = 1.06 * Math.max(...found.epsilon[k].map(Math.abs)), most = 1.08 * Math.max(...found.loss[k]);
  figure.layout.xaxis = { ...figure.layout.xaxis, range: [-reach, reach] };
  figure.layout.yaxis = { ...figure.layout.yaxis, range: [-0.04 * most, most] };
  marksAt(figure, found, k, view.step);
  if (width < 620) stacked(figure.layout);
  return figure;
}
