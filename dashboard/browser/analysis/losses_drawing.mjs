// The losses of the points, pinned ones marked.
import { LEAST_LOSS } from "../contract.mjs";
import { once } from "../figures/arrays.mjs";
import { colour } from "../figures/palette.mjs";
import { themed } from "../figures/themed.mjs";

/** @param {Payload} payload @param {View} view */
export function losses(payload, view) {
  const figure = themed(payload.figures.data), { record } = payload, ink = colour("ink");
  if (!view.points.length) return figure;
  const places = (/** @type {string} */ name) => view.points.map((point) => Math.max(once(record[name])[point], LEAST_LOSS));
  figure.data.push({
    type: "scatter", mode: "markers+text", x: places("train_loss"), y: places("alo_loss"), text: view.points.map(String),
    textposition: "top center", textfont: { color: ink, size: 12 }, hoverinfo: "skip", showlegend: false, name: "pinned points",
    marker: { size: 16, symbol: "circle-open", color: ink, line: { width: 2 } },
  });
  return figure;
}
