// The line between two minima: loss along it, and the boundary at the chosen place.
import { classEdges } from "../analysis/class_edges.mjs";
import { ID, ROLE } from "../contract.mjs";
import { colour, inPalette } from "../figures/palette.mjs";
import { films, pictures } from "../figures/pictures.mjs";
import { is } from "../figures/roles.mjs";
import { show } from "../figures/show.mjs";
import { themed } from "../figures/themed.mjs";
import { byId, field } from "../page/dom.mjs";
import { pause } from "../page/fetching.mjs";
import { number } from "../page/numbers.mjs";

const WIDTH = 1200; // where a plot has none
const NARROW = 620;

/** @typedef {{ side: number, x: [number, number], y: [number, number], classes: string[] }} Film */
/** @typedef {{ alpha: number[], train: { loss: (number | null)[] }, film: Film | null }} Curve */
/** @typedef {{ from: string, to: string, figure: Figure | null, curve?: Curve }} Line */

/** @type {Line | null} */
let line = null;
let place = 0; // of α on the line

/** @param {[number, number]} ends @param {number} side */
const spread = ([low, high], side) => Array.from({ length: side }, (_, k) => low + ((high - low) * k) / (side - 1));

/** @param {Figure} figure @param {Film} film @param {number} at */
function regionsAt(figure, { side, x, y, classes }, at) {
  const flat = Uint8Array.from(atob(classes[at]), (c) => c.charCodeAt(0)), xs = spread(x, side), ys = spread(y, side);
  for (const trace of figure.data) {
    if (is(trace, ROLE.WALKED_REGIONS)) trace.z = ys.map((_, row) => Array.from(flat.subarray(row * side, (row + 1) * side)));
    if (is(trace, ROLE.WALKED_BOUNDARY)) Object.assign(trace, classEdges(flat, xs, ys));
  }
}

/** Narrow: the plane above, the curves below it. @param {Layout} layout */
function stacked(layout) {
  layout.height = 720;
  layout.shapes = layout.shapes?.map((/** @type {Layout} */ shape) => ({ ...shape, y1: 0.42 }));
  layout.yaxis3 = { ...layout.yaxis3, domain: [0.5, 1] };
  layout.xaxis3 = { ...layout.xaxis3, domain: [0, 1] };
  layout.xaxis = { ...layout.xaxis, domain: [0, 1] };
  if (layout.yaxis2) {
    layout.yaxis = { ...layout.yaxis, domain: [0.22, 0.42] };
    layout.yaxis2 = { ...layout.yaxis2, domain: [0, 0.17] };
  } else layout.yaxis = { ...layout.yaxis, domain: [0, 0.42] };
}

/**
 * The line with the boundary at one of its places, where it has pictures.
 * @param {Line} drawn @param {number} at @param {number} width
 */
export function lineAt(drawn, at, width) {
  const figure = themed(/** @type {Figure} */ (drawn.figure)), { curve } = drawn;
  if (!curve?.film) return figure;
  regionsAt(figure, curve.film, at);
  figure.data.push({
    type: "scatter", mode: "markers", showlegend: false, hoverinfo: "skip", cliponaxis: false, name: "loss at α",
    x: [curve.alpha[at]], y: [curve.train.loss[at]], marker: { size: 9, color: colour("page"), line: { width: 2, color: colour("red") } },
  });
  if (width < NARROW) stacked(figure.layout);
  return figure;
}

function tell() {
  const slider = field(ID.LINE_ALPHA), out = byId(ID.LINE_READOUT), along = byId(ID.LINE_ALONG), curve = line?.curve;
  if (along) along.hidden = !curve?.film;
  if (!curve?.film || !slider || !out) return;
  slider.max = String(curve.alpha.length - 1);
  slider.value = String(place);
  const loss = curve.train.loss[place], said = loss === null ? "" : `, training loss ${number(loss)} nats`;
  out.textContent = `${number(curve.alpha[place])}${said}`;
  slider.setAttribute("aria-valuetext", `alpha ${out.textContent}`);
}

export async function showLine() {
  await pause(); // the frame may just have been uncovered
  const figure = pictures[ID.LINE](byId(ID.LINE)?.clientWidth || WIDTH);
  if (figure) await show(ID.LINE, figure);
}

/** @param {Line | null} data */
export function take(data) {
  line = data;
  place = Math.max(data?.curve?.alpha.indexOf(0) ?? 0, 0);
  tell();
  if (data) showLine();
}

export function listen() {
  pictures[ID.LINE] = (width) => (line?.figure ? lineAt(line, place, width) : null);
  films[ID.LINE] = async (width) => {
    const drawn = line, count = drawn?.curve?.film?.classes.length || 0;
    return Array.from({ length: count }, (_, at) => inPalette("light", () => lineAt(/** @type {Line} */ (drawn), at, width)));
  };
  document.addEventListener("input", (event) => {
    if (!(event.target instanceof HTMLInputElement) || event.target.id !== ID.LINE_ALPHA || !line?.curve) return;
    place = Number(event.target.value);
    tell();
    showLine();
  });
}
