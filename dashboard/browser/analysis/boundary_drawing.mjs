// The boundary map, or the embedding in its place, drawn from the payload that is already here.
import { ALIGNMENT_SCALE, ROLE } from "../contract.mjs";
import { decode, once } from "../figures/arrays.mjs";
import { colour } from "../figures/palette.mjs";
import { every, first, is } from "../figures/roles.mjs";
import { themed } from "../figures/themed.mjs";
import { onPlane } from "./planes.mjs";

const LETTER = 5.9, SYMBOL = 36, ROW = 19, AROUND = 16; // of a legend, in pixels
const TALLEST = 1.12, UNSCALED = 0.78; // height over width of the map
const FIELD_ROLES = /** @type {const} */ ({ "": ROLE.ALIGNMENT, class: ROLE.REGIONS, gap: ROLE.LOGIT_GAP });

/** @param {View} view */
function barTitle(view) {
  const sign = view.flip ? "−" : "";
  return { text: `alignment with ${sign}v<sub>${view.vector}</sub>`, side: "bottom", font: { size: 12, color: colour("muted") } };
}

/** @param {Payload} payload @param {View} view @returns {Trace[]} */
function pins(payload, view) {
  if (!view.points.length || !payload.points) return [];
  const places = once(payload.points), ink = colour("ink");
  return [{
    type: "scatter", x: view.points.map((p) => places[p][0]), y: view.points.map((p) => places[p][1]),
    text: view.points.map(String), textposition: "top center", textfont: { color: ink, size: 12 },
    mode: "markers+text", hoverinfo: "skip", showlegend: false, name: "pinned points",
    marker: { size: 17, symbol: "circle-open", color: ink, line: { width: 2.5 } },
  }];
}

/** One of alignment, classes and logit gap over the plane. @param {Figure} figure @param {View} view */
function showField(figure, view) {
  const wanted = first(figure, FIELD_ROLES[view.field]);
  if (!view.field || !wanted) return;
  for (const trace of figure.data) if (trace.type === "heatmap") trace.visible = trace === wanted;
}

/** @param {Payload} payload @param {View} view */
function planeMap(payload, view) {
  const figure = themed(payload.figures.boundary), heat = /** @type {Trace} */ (first(figure, ROLE.ALIGNMENT));
  heat.z = first(payload.figures.filmstrip, ROLE.ALIGNMENT, view.vector)?.z;
  heat.reversescale = view.flip;
  heat.colorbar = { ...heat.colorbar, title: barTitle(view) };
  if (view.flip) heat.colorbar.ticktext = [...heat.colorbar.ticktext].reverse();
  for (const trace of figure.data) if (is(trace, ROLE.MARGINS, ROLE.MARGIN_CASING)) trace.visible = view.margins;
  showField(figure, view);
  return figure;
}

/** @param {Figure} figure */
function byClass(figure) {
  for (const trace of every(figure, ROLE.POINTS)) trace.marker = { ...trace.marker, color: trace.meta.class_colour, showscale: false };
  return figure;
}

/** @param {Payload} payload @param {View} view */
function embeddingMap(payload, view) {
  const figure = themed(payload.figures.boundary);
  if (view.colour === "class") return byClass(figure);
  if (!payload.alignment) return figure;
  const sign = view.flip ? -1 : 1;
  const row = once(payload.alignment)[view.vector - 1].map((/** @type {number} */ v) => (sign * v) / ALIGNMENT_SCALE);
  for (const trace of every(figure, ROLE.POINTS)) {
    const points = decode(trace.customdata);
    trace.marker = { ...trace.marker, color: points.map((/** @type {number[]} */ p) => row[p[0]]) };
    trace.customdata = points.map((/** @type {number[]} */ p) => [p[0], row[p[0]]]);
    if (trace.marker.colorbar) trace.marker.colorbar = { ...trace.marker.colorbar, title: barTitle(view) };
  }
  return figure;
}

/** A legend of many entries stands in columns, and the plot below it keeps its height. @param {Figure} figure @param {number} across */
function withLegend(figure, across) {
  const said = figure.data.filter((t) => t.showlegend !== false && (t.visible ?? true) === true && t.name);
  const longest = Math.max(0, ...said.map((t) => t.name.length));
  const columns = Math.min(said.length, Math.max(1, Math.floor(across / (longest * LETTER + SYMBOL))));
  const rows = columns ? Math.ceil(said.length / columns) : 0;
  if (rows < 2) return;
  figure.layout.legend = { ...figure.layout.legend, entrywidthmode: "fraction", entrywidth: 0.98 / columns };
  figure.layout.margin.t = Math.max(figure.layout.margin.t, rows * ROW + AROUND);
}

/** @param {Figure} figure @param {number} width */
function shaped(figure, width) {
  const { layout } = figure, x = layout.xaxis.range, y = layout.yaxis.range;
  const shape = layout.yaxis.scaleanchor ? Math.min((y[1] - y[0]) / (x[1] - x[0]), TALLEST) : UNSCALED;
  const margin = (layout.margin = { ...layout.margin, ...(width < 480 ? { l: 34, r: 4 } : {}) });
  const across = width - margin.l - margin.r;
  withLegend(figure, across);
  layout.height = Math.round(across * shape) + margin.t + margin.b;
  const below = 44 / Math.max(layout.height - margin.t - margin.b, 1);
  for (const trace of figure.data) {
    const bar = trace.colorbar || trace.marker?.colorbar;
    if (bar) bar.y = -below;
  }
  return figure;
}

/** @param {Payload} whole @param {View} view @param {number} width */
export function boundary(whole, view, width) {
  const payload = onPlane(whole, view);
  const figure = (payload.plane ? planeMap : embeddingMap)(payload, view);
  figure.data.push(...pins(payload, view));
  return shaped(figure, width);
}
