// Every drawn row of tiles as one figure: rows of a name, a line of tiles and their captions.
import { captioned, suffixOf } from "../figures/strip.mjs";
import { axesOf, themed } from "../figures/themed.mjs";

const SPACE = 0.01; // of the width, between tiles
const NAME = 30, CAPTION = 34; // pixels

/** @typedef {{ columns: number, across: number, height: number, tile: number, rows: number }} Frame */

/** @param {Figure[]} figures @param {number} width @returns {Frame} */
function frameOf(figures, width) {
  const columns = Math.max(...figures.map((figure) => figure.layout.annotations.length));
  const across = (1 - SPACE * (columns - 1)) / columns, tile = across * width;
  return { columns, across, tile, rows: figures.length, height: figures.length * (NAME + tile + CAPTION) };
}

/** @param {string} name @param {number} top */
const title = (name, top) => ({
  text: `<b>${name.replace(/</g, "&lt;")}</b>`, x: 0, xanchor: "left", y: top, yanchor: "top",
  xref: "paper", yref: "paper", showarrow: false, font: { size: 13 },
});

/** Adds one row's axes, captions and traces. @param {Figure} grid @param {GridRow} row @param {number} index @param {Frame} frame */
function addRow({ data, layout }, row, index, frame) {
  const figure = themed(/** @type {Figure} */ (row.figure)), top = 1 - index / frame.rows;
  const ceiling = top - NAME / frame.height, floor = ceiling - frame.tile / frame.height;
  layout.annotations.push(title(row.name, top));
  figure.layout.annotations.forEach((/** @type {Layout} */ note, /** @type {number} */ column) => {
    const own = suffixOf(column), suffix = suffixOf(index * frame.columns + column), left = column * (frame.across + SPACE);
    layout["xaxis" + suffix] = { ...figure.layout["xaxis" + own], domain: [left, left + frame.across] };
    layout["yaxis" + suffix] = { ...figure.layout["yaxis" + own], domain: [floor, ceiling], anchor: "x" + suffix };
    layout.annotations.push({ ...captioned(note, frame.tile), x: left + frame.across / 2, y: floor });
    for (const trace of figure.data) {
      if ((trace.xaxis || "x") === "x" + own) data.push({ ...trace, name: `${row.name}, ${trace.name}`, xaxis: "x" + suffix, yaxis: "y" + suffix });
    }
  });
}

/**
 * @param {GridRow[]} rows
 * @param {number} width
 * @returns {Figure | null}
 */
export function gridFigure(rows, width) {
  const kept = rows.filter((row) => row.figure), figures = kept.map((row) => /** @type {Figure} */ (row.figure));
  if (!kept.length) return null;
  /** @type {Layout} */
  const layout = { ...themed(figures[0]).layout, annotations: [] };
  for (const key of axesOf(layout)) delete layout[key];
  const frame = frameOf(figures, width), grid = { data: [], layout };
  kept.forEach((row, index) => addRow(grid, row, index, frame));
  layout.height = frame.height + 4;
  return grid;
}
