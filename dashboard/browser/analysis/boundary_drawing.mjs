// The boundary map, or the embedding in its place, drawn from the payload that is already here.
import { ALIGNMENT_SCALE, ROLE } from "../contract.mjs";
import { decode, once, typed } from "../figures/arrays.mjs";
import { colour } from "../figures/palette.mjs";
import { every, first, is } from "../figures/roles.mjs";
import { themed } from "../figures/themed.mjs";
import { labelPlaces, MOST } from "./class_labels.mjs";
import { onPlane } from "./planes.mjs";

const LETTER = 5.9, SYMBOL = 36, ROW = 19, AROUND = 16; // of a legend, in pixels
const TALLEST = 1.12, UNSCALED = 0.78; // height over width of the map
// Pixels of a map that shares a screen with what is around it: what that leaves of a window's height.
const BESIDE = 1101, LOWEST = 320, HIGHEST = 440, AROUND_MAP = 550, FLAT = 0.8; // as --map in 30_analysis.css
const ALONE = 440; // pixels of width below which it has the screen for itself
const FIELD_ROLES = /** @type {const} */ ({ "": ROLE.ALIGNMENT, class: ROLE.REGIONS, gap: ROLE.LOGIT_GAP });

/** The scale's name stands in its middle, where its 0 is. @param {Layout} bar @param {View} view */
function named(bar, view) {
  const words = `alignment with ${view.flip ? "−" : ""}v<sub>${view.vector}</sub>`;
  const ends = view.flip ? ["1", "−1"] : ["−1", "1"];
  return { ...bar, title: { text: "" }, ypad: 0, len: 0.8, tickvals: [bar.tickvals[0], 0, bar.tickvals.at(-1)], ticktext: [ends[0], words, ends[1]] };
}

/** Places of names, which follow from the field alone. @type {WeakMap<object, ReturnType<typeof labelPlaces>>} */
const placed = new WeakMap();

/** @param {Payload} payload @param {Figure} figure */
function withNames(payload, figure) {
  const field = first(figure, ROLE.REGIONS);
  if (!field || !payload.points) return figure;
  const ink = colour("ink"), page = colour("page");
  if (!placed.has(field.z)) {
    const { values, shape } = typed(field.z);
    placed.set(field.z, labelPlaces(field, values, shape, once(payload.points)));
  }
  const places = placed.get(field.z) || [];
  const many = every(figure, ROLE.POINTS);
  if (many.length > MOST) for (const trace of many) trace.showlegend = false;
  if (!places.length) return figure;
  figure.layout.annotations = [...(figure.layout.annotations || []), ...places.map(({ label, x, y }) => ({
    x, y, showarrow: false, text: payload.classes[label] ?? `class ${label}`, font: { size: 12, color: ink }, bgcolor: page, opacity: 0.85, borderpad: 2,
  }))];
  for (const trace of figure.data) trace.showlegend = false;
  figure.layout.margin = { ...figure.layout.margin, t: 6 };
  return figure;
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
  heat.colorbar = named(heat.colorbar, view);
  for (const trace of figure.data) if (is(trace, ROLE.MARGINS, ROLE.MARGIN_CASING)) trace.visible = view.margins;
  showField(figure, view);
  figure.layout.margin = { ...figure.layout.margin, b: 80 };
  return withNames(payload, figure);
}

/** @param {Figure} figure */
function byClass(figure) {
  for (const trace of every(figure, ROLE.POINTS)) trace.marker = { ...trace.marker, color: trace.meta.class_colour || trace.marker.color, showscale: false };
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
    if (trace.marker.colorbar) trace.marker.colorbar = named(trace.marker.colorbar, { ...view, flip: false });
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

/** One that is a little flatter has the same height: nothing below it moves. @param {number} tall */
function among(tall) {
  const { innerWidth = Infinity, innerHeight = Infinity } = globalThis;
  const highest = innerWidth < BESIDE ? HIGHEST : Math.max(LOWEST, Math.min(innerHeight - AROUND_MAP, HIGHEST));
  return tall < FLAT * highest ? tall : highest;
}

/** @param {Figure} figure @param {number} width */
function shaped(figure, width) {
  const { layout } = figure, x = layout.xaxis.range, y = layout.yaxis.range;
  const shape = layout.yaxis.scaleanchor ? Math.min((y[1] - y[0]) / (x[1] - x[0]), TALLEST) : UNSCALED;
  layout.xaxis = { ...layout.xaxis, title: { ...layout.xaxis.title, standoff: 3 } }; // above the colour bar
  const margin = (layout.margin = { ...layout.margin, ...(width < ALONE ? { l: 34, r: 4 } : {}) });
  const across = width - margin.l - margin.r;
  withLegend(figure, across);
  const tall = Math.round(across * shape);
  layout.height = (width < ALONE ? tall : among(tall)) + margin.t + margin.b;
  const below = 48 / Math.max(layout.height - margin.t - margin.b, 1);
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
