// The compare page: its figures take the page's theme, its choices are in the address.
import { ID } from "../contract.mjs";
import { pictures } from "../figures/pictures.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { show, widthOf } from "../figures/show.mjs";
import { themed } from "../figures/themed.mjs";
import { setProps } from "../page/dash.mjs";
import { around, byId, idOf, onPage, select } from "../page/dom.mjs";
import { exponential, number } from "../page/numbers.mjs";
import { gridPicture, loadGrid, paintGrid } from "./grid.mjs";
import { showLine, take } from "./line.mjs";
import { keep } from "./minima.mjs";

const WIDTH = 1200; // where a plot has none
const VECTORS = "1-5";

/** @typedef {{ scatter: Figure, parallel: Figure, lambda: number | null, threshold: number | null, epsilon: number | null }} Drawn */

/** @type {Drawn | null} */
let drawn = null;

/** @param {"scatter" | "parallel"} name @returns {Picture} */
const drawing = (name) => () => (drawn ? themed(drawn[name]) : null);

async function showFigures() {
  for (const name of [ID.SCATTER, ID.PARALLEL]) {
    const figure = pictures[name](widthOf(name, WIDTH));
    if (figure) await show(name, figure);
  }
}

/** What a slider stands at, for those who do not see it. @param {string} name @param {string} words @param {number | null} value */
function tell(name, words, value) {
  if (value) byId(name)?.setAttribute("aria-valuetext", `${words} ${number(value)}`);
}

/** Numbers and figures at the levels that all minima share. @param {Drawn | null} data @param {import("./minima.mjs").Items | null} items */
export function compareDrawn(data, items) {
  keep(items);
  drawn = data;
  if (!data) return;
  showFigures();
  tell(ID.COMPARE_LAMBDA, "lambda", data.lambda);
  tell(ID.COMPARE_THRESHOLD, "threshold", data.threshold);
  tell(ID.COMPARE_EPSILON, "epsilon", data.epsilon);
}

/** @param {string} vectors @param {import("./minima.mjs").Items | null} items */
export function compareGrid(vectors, items) {
  if (items) loadGrid(vectors || "", items);
}

/** Puts choices into the address, where this is the compare page. @param {Record<string, string | null>} said */
function intoAddress(said) {
  const url = new URL(location.href);
  if (url.pathname !== "/compare") return;
  for (const [name, value] of Object.entries(said)) if (value) url.searchParams.set(name, value);
  history.replaceState(history.state, "", url);
}

/** @param {Drawn | null} data @param {string} vectors @param {string} x @param {string} y */
export function compareAddress(data, vectors, x, y) {
  if (!data) return;
  const said = (/** @type {number | null} */ value) => (value ? exponential(value) : null);
  const { lambda, threshold, epsilon } = data;
  intoAddress({ vector: vectors || VECTORS, lambda: said(lambda), threshold: said(threshold), epsilon: said(epsilon), x, y });
}

/** A line costs a worker some seconds: it is asked for once somebody could see it. */
export function lineNear() {
  const panel = byId(ID.LINE_PANEL);
  if (!panel) return;
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    seen.disconnect();
    setProps(ID.LINE_WANTED, { data: true });
  }, { rootMargin: "200px" });
  seen.observe(panel);
}

/** @param {import("./line.mjs").Line | null} data */
export function lineDrawn(data) {
  take(data);
  if (data) intoAddress({ from: data.from, to: data.to });
}

/** @param {HTMLElement} button */
function toggleDifferences(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  byId(ID.COMPARE_NUMBERS)?.classList.toggle("only-differences", on);
}

/** A measure of the ranking, plotted across. @param {string} measure */
function plotAcross(measure) {
  const menu = select(idOf("menu", ID.COMPARE_X));
  if (menu) menu.value = measure;
  setProps(ID.COMPARE_X, { data: measure });
}

export function listen() {
  pictures[ID.SCATTER] = drawing("scatter");
  pictures[ID.PARALLEL] = drawing("parallel");
  pictures[ID.GRID] = gridPicture;
  whenResized(() => {
    if (!onPage("compare")) return;
    showFigures();
    showLine();
    paintGrid();
  });
  document.addEventListener("click", (event) => {
    const button = around(event, `#${ID.DIFFERENCES}`), measure = around(event, "[data-measure]");
    if (button) toggleDifferences(button);
    if (measure) plotAcross(String(measure.dataset.measure));
  });
}
