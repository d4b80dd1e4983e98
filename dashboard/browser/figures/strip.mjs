// A strip of tiles wraps to the width it has; the same arithmetic as figures/filmstrip.py.
import { STRIP } from "../contract.mjs";

const ROOMY = 140, SMALL = 10; // pixels

/** The number that axis names of a tile end in. @param {number} tile */
export const suffixOf = (tile) => (tile === 0 ? "" : String(tile + 1));

/** Height over width of a tile. @param {Span} span */
export function shapeOf({ x, y }) {
  const [least, most] = STRIP.shapes;
  return Math.min(Math.max((y[1] - y[0]) / (x[1] - x[0]), least), most);
}

/** Where a caption is wider than its tile it takes two lines of smaller letters. @param {Layout} note @param {number} tile pixels */
export function captioned(note, tile) {
  if (tile >= ROOMY) return note;
  return { ...note, text: note.text.replace(/\s+λ = (.*?)( · .*)?$/, (/** @type {string} */ _, /** @type {string} */ value, share = "") => `${share}<br>λ = ${value}`), font: { ...note.font, size: SMALL } };
}

/** @param {number} width */
const columnsFor = (width) => (width < 480 ? 2 : width < 640 ? 3 : 6);

/**
 * @param {Figure} figure whose annotations are the tiles' captions
 * @param {number} width
 */
export function arranged(figure, width) {
  const { layout } = figure, tiles = layout.annotations.length;
  const columns = Math.min(tiles, columnsFor(width)), rows = Math.ceil(tiles / columns);
  const across = (1 - STRIP.gap * (columns - 1)) / columns;
  const shape = shapeOf({ x: layout.xaxis.range, y: layout.yaxis.range });
  const height = rows * (across * width * shape + STRIP.caption);
  layout.annotations = layout.annotations.map((/** @type {Layout} */ note, /** @type {number} */ tile) => {
    const row = Math.floor(tile / columns), left = (tile % columns) * (across + STRIP.gap);
    const bottom = 1 - (row + 1) / rows + STRIP.caption / height, top = 1 - row / rows, suffix = suffixOf(tile);
    layout["xaxis" + suffix] = { ...layout["xaxis" + suffix], domain: [left, left + across] };
    layout["yaxis" + suffix] = { ...layout["yaxis" + suffix], domain: [bottom, top] };
    return { ...captioned(note, across * width), x: left + across / 2, y: bottom };
  });
  layout.height = height + 4;
  return figure;
}
