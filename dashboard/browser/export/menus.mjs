// The export menus and buttons of every page.
import { state } from "../analysis/state.mjs";
import { ID } from "../contract.mjs";
import { films, pictures } from "../figures/pictures.mjs";
import { plotly } from "../figures/plotly.mjs";
import { widthOf } from "../figures/show.mjs";
import { announce } from "../page/announce.mjs";
import { all, around, byId, element, heading, idOf, messageOf } from "../page/dom.mjs";
import { number } from "../page/numbers.mjs";
import { about, filename } from "./about.mjs";
import { copy } from "./copies.mjs";
import { filmOf } from "./film.mjs";
import { figureFor, pngOf, svgOf } from "./images.mjs";
import { reportPage, wholeZip } from "./report.mjs";
import { COLUMNS, csvOf, jsonOf, rowsOf } from "./rows.mjs";
import { save } from "./save.mjs";

const SHOWN = 400; // rows of a table on the page
const WIDTH = 740; // pixels, where a plot has none
const PAPER = 6.9; // inches

/** A record of several numbers is as short as one. @param {any} cell */
function cellWords(cell) {
  if (typeof cell === "number") return number(cell, 4);
  return String(cell).split(" ").map((part) => (part && isFinite(Number(part)) ? number(Number(part), 4) : part)).join(" ");
}

/** What a column holds, as its axis says it. @param {Layout | undefined} axis @param {string} words */
const columnOf = (axis, words) => String(axis?.title?.text || "").replace(/<[^>]+>| \(.*/g, "") || words;

/** @param {Figure} figure */
function tableOf(figure) {
  const rows = rowsOf(figure), table = element("table", "");
  const [series, x, y, value] = COLUMNS, { xaxis, yaxis } = figure.layout;
  const heads = [series, columnOf(xaxis, x), columnOf(yaxis, y), value];
  table.createTHead().insertRow().append(...heads.map((words) => heading(words)));
  const body = table.createTBody();
  for (const row of rows.slice(0, SHOWN)) {
    body.insertRow().append(...row.map((cell) => element("td", "", cellWords(cell))));
  }
  const count = rows.length.toLocaleString("en");
  table.createCaption().textContent = rows.length > SHOWN ? `First ${SHOWN} of ${count} values; the CSV has all.` : `${rows.length} values.`;
  return table;
}

/** @param {string} plot @param {HTMLElement} button */
function toggleTable(plot, button) {
  const place = byId(idOf("table", plot));
  if (!place) return;
  place.hidden = !place.hidden;
  button.setAttribute("aria-expanded", String(!place.hidden));
  const figure = place.hidden ? null : pictures[plot](widthOf(plot, WIDTH));
  if (figure) place.replaceChildren(tableOf(figure));
}

/** What each kind of file holds, and its type. @type {Record<string, (figure: Figure, plot: string) => Promise<[BlobPart, string]>>} */
const FILES = {
  csv: async (figure) => [csvOf(figure, about()), "text/csv"],
  json: async (figure, plot) => [jsonOf(plot, figure, about()), "application/json"],
  svg: async (figure) => [await svgOf(figure, about()), "image/svg+xml"],
  png: async (figure) => [await pngOf(figure, about()), "image/png"],
};

/** @param {string} plot @param {string} kind */
export async function exportPlot(plot, kind, inches = PAPER) {
  if (!pictures[plot]) return;
  await plotly();
  const onPaper = kind === "svg" || kind === "png";
  const figure = onPaper ? figureFor(plot, inches) : pictures[plot](widthOf(plot, WIDTH));
  if (!figure) return;
  const [content, type] = await FILES[kind](figure, plot);
  save(filename(plot === ID.DETAIL ? state.view.view : plot, kind), content, type);
}

/** @param {string} plot */
async function film(plot) {
  announce("Making the film");
  await plotly();
  const name = plot === ID.DETAIL ? `walk-v${state.view.vector}` : plot;
  save(filename(name, "svg"), await filmOf(films[plot], about()), "image/svg+xml");
}

/** @param {string} kind */
async function whole(kind) {
  announce(kind === "zip" ? "Packing the analysis" : "Writing the report");
  if (kind === "zip") save(filename("analysis", "zip"), await wholeZip(), "application/zip");
  else save(filename("report", "html"), await reportPage(), "text/html");
}

/** @param {unknown} error */
const failed = (error) => announce(messageOf(error));

/** @param {HTMLElement} button */
function act(button) {
  const { export: kind, plot = "", inches, copy: what, id = "", whole: file } = button.dataset;
  if (kind === "table") return toggleTable(plot, button);
  if (kind === "film") return film(plot).catch(failed);
  if (kind) return exportPlot(plot, kind, Number(inches));
  if (file) return whole(file).catch(failed);
  return copy(String(what), id).then(announce, failed);
}

/** @param {Element | null} [but] */
function closeMenus(but) {
  for (const menu of all(".menu[open]")) if (menu !== but) /** @type {HTMLDetailsElement} */ (menu).open = false;
}

export function listen() {
  document.addEventListener("click", (event) => {
    if (event.isTrusted) closeMenus(around(event, ".menu")); // not where the page presses a button itself
    const button = around(event, "[data-export], [data-copy], [data-whole]");
    if (!button) return;
    closeMenus();
    act(button);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus();
  });
}
