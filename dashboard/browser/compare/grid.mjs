// Each minimum's row of tiles is painted as it arrives; a tile leads to its analysis.
import { paint } from "../figures/paint.mjs";
import { themed } from "../figures/themed.mjs";
import { tileElement, tilesOf } from "../figures/tiles.mjs";
import { one } from "../page/dom.mjs";
import { patientFetch } from "../page/fetching.mjs";
import { gridFigure } from "./grid_figure.mjs";

const AT_ONCE = 4;
const NO_PLANE = "Its inputs span no plane that could be drawn.";

/** @type {Map<string, GridRow>} */
const rows = new Map();
let asked = 0;

/** @param {GridRow} row @returns {(tile: Tile) => HTMLElement} */
const link = (row) => (tile) => Object.assign(document.createElement("a"), {
  href: `/analyses/${row.id}${tile.vector ? "?vector=" + tile.vector : ""}`,
  ariaLabel: `${row.name}: ${tile.caption.replace(/<[^>]*>/g, "")}`,
});

/** @param {GridRow} row */
function paintRow(row) {
  const place = one(`[data-strip="${row.id}"] .tiles`);
  if (!place || !row.figure) return;
  const tiles = tilesOf(themed(row.figure));
  place.replaceChildren(...tiles.map((tile) => tileElement(tile, link(row))));
  tiles.forEach((tile, index) => paint(/** @type {HTMLCanvasElement} */ (place.children[index].firstChild), tile));
}

/** @param {GridRow} row @param {string} vectors @param {number} turn */
async function load(row, vectors, turn) {
  const reply = await patientFetch(`/drawings/${row.id}/tiles?vectors=${encodeURIComponent(vectors)}`);
  const found = await reply.json().catch(() => ({}));
  if (turn !== asked) return;
  row.figure = (reply.ok && found.figure) || null;
  const note = one(`[data-strip="${row.id}"] .strip-note`);
  if (note) note.textContent = row.figure ? "" : found.sentence || NO_PLANE;
  paintRow(row);
}

/**
 * Asks for the tiles of every minimum, a few at a time; a later question replaces this one.
 * @param {string} vectors
 * @param {import("./minima.mjs").Items} items
 */
export async function loadGrid(vectors, items) {
  const turn = (asked += 1);
  /** @type {GridRow[]} */
  const waiting = items.minima.map(({ numbers: { id, name } }) => ({ id, name: name || id.slice(0, 8), figure: null }));
  rows.clear();
  for (const row of waiting) rows.set(row.id, row);
  const worker = async () => {
    for (let row = waiting.shift(); row && turn === asked; row = waiting.shift()) await load(row, vectors, turn);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

export function paintGrid() {
  for (const row of rows.values()) paintRow(row);
}

/** @param {number} width */
export const gridPicture = (width) => gridFigure([...rows.values()], width);
