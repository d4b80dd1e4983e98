// The tiles of a filmstrip figure, each with a canvas of its own and a caption.
import { ROLE } from "../contract.mjs";
import { element } from "../page/dom.mjs";
import { is } from "./roles.mjs";
import { shapeOf, suffixOf } from "./strip.mjs";

/**
 * Traces, ranges, caption and vector (0: the boundary) of each tile.
 * @param {Figure} figure
 * @returns {Tile[]}
 */
export function tilesOf(figure) {
  return figure.layout.annotations.map((/** @type {Layout} */ note, /** @type {number} */ index) => {
    const suffix = suffixOf(index), axis = "x" + suffix;
    const traces = figure.data.filter((trace) => (trace.xaxis || "x") === axis);
    const heat = traces.find((trace) => is(trace, ROLE.ALIGNMENT));
    const span = { x: figure.layout["xaxis" + suffix].range, y: figure.layout["yaxis" + suffix].range };
    return { traces, caption: note.text, vector: heat ? heat.meta.vector : 0, span };
  });
}

/**
 * Captions hold no more than Plotly's <sub> and <sup>; they are rebuilt from text.
 * @param {string} text
 * @param {HTMLElement} place
 */
function worded(text, place) {
  for (const part of text.split(/(<sub>.*?<\/sub>|<sup>.*?<\/sup>)/)) {
    const found = part.match(/^<(su[bp])>(.*)<\/su[bp]>$/);
    place.append(found ? element(/** @type {"sub"} */ (found[1]), "", found[2]) : part);
  }
  return place;
}

/**
 * One tile: a button or a link made by `make`, a canvas, its caption.
 * @param {Tile} tile
 * @param {(tile: Tile) => HTMLElement} make
 */
export function tileElement(tile, make) {
  const made = make(tile), canvas = document.createElement("canvas");
  made.classList.add("tile");
  canvas.style.aspectRatio = String(1 / shapeOf(tile.span));
  canvas.setAttribute("aria-hidden", "true");
  made.append(canvas, worded(tile.caption, element("span", "tile-caption")));
  return made;
}
