// The filmstrip on the page is painted without Plotly: it stands before Plotly has arrived.
import { ID } from "../contract.mjs";
import { paint } from "../figures/paint.mjs";
import { themed } from "../figures/themed.mjs";
import { tileElement, tilesOf } from "../figures/tiles.mjs";
import { byId, element } from "../page/dom.mjs";
import { onPlane } from "./planes.mjs";
import { state } from "./state.mjs";

/** @param {Tile} tile */
function button(tile) {
  const made = element(tile.vector ? "button" : "div", "");
  if (tile.vector) made.dataset.vector = String(tile.vector);
  return made;
}

/** In the rail a tile has its name and its share of the boundary; λ stands in its title. @param {Tile} tile @returns {Tile} */
function brief(tile) {
  if (!tile.vector) return { ...tile, caption: "regions" };
  const share = tile.caption.split(" · ")[1];
  return { ...tile, caption: `v<sub>${tile.vector}</sub>` + (share ? ` ${share}` : "") };
}

/** Makes the tiles anew where others are there. @param {HTMLElement} place @param {Tile[]} tiles @param {string} shown */
function build(place, tiles, shown) {
  if (place.dataset.shown === shown) return;
  place.replaceChildren(...tiles.map((tile) => {
    const made = tileElement(brief(tile), button);
    if (tile.vector) made.title = tile.caption.replace(/<[^>]*>/g, "");
    return made;
  }));
  place.dataset.shown = shown;
}

/** @param {HTMLElement} made @param {Tile} tile @param {View} view */
function repaint(made, tile, view) {
  const chosen = tile.vector === view.vector, flip = view.flip && chosen;
  if (tile.vector) made.setAttribute("aria-pressed", String(chosen));
  const key = `${document.documentElement.dataset.theme} ${window.innerWidth} ${flip}`;
  if (made.dataset.painted === key) return;
  made.dataset.painted = key;
  paint(/** @type {HTMLCanvasElement} */ (made.firstChild), tile, flip);
}

/** @param {Payload} payload @param {View} view */
export function paintFilmstrip(payload, view) {
  const place = byId(ID.FILMSTRIP), film = onPlane(payload, view).figures.filmstrip;
  if (!place) return;
  /** @type {HTMLElement} */ (place.closest(".panel")).hidden = !film;
  if (!film) return;
  const tiles = tilesOf(themed(film));
  build(place, tiles, `${state.arrival} ${view.plane}`);
  [...place.children].forEach((made, index) => repaint(/** @type {HTMLElement} */ (made), tiles[index], view));
}
