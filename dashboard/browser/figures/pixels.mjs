// Images of examples as the server packs them: uint8, grey or red, green, blue.
import { typed } from "./arrays.mjs";

/** @typedef {{ pixels: Packed, rows: Packed, crossings: Packed | null, known?: boolean[] }} Images */

/**
 * One image on a canvas, each pixel as large as `side` allows.
 * @param {Packed} packed (h, w), (h, w, 3), or these with an example in front
 * @param {number | null} place which example; null where there is one alone
 * @param {number} side CSS pixels of the longer side
 */
export function imageCanvas(packed, place, side) {
  const { values, shape } = typed(packed), [height, width, colours] = place === null ? shape : shape.slice(1);
  const size = height * width * (colours || 1), from = (place || 0) * size;
  const canvas = Object.assign(document.createElement("canvas"), { width, height, className: "pixels" });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), image = context.createImageData(width, height);
  for (let at = 0; at < height * width; at++) {
    for (let channel = 0; channel < 3; channel++) image.data[4 * at + channel] = values[from + (colours ? colours * at + channel : at)];
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  canvas.style.width = `${Math.round((side * width) / Math.max(width, height))}px`;
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}

/** @type {WeakMap<Packed, Map<number, number>>} */
const placed = new WeakMap();

/** The image of a training example, where there is one. @param {Images | null | undefined} images @param {number} row @param {number} side */
export function imageOf(images, row, side) {
  if (!images) return null;
  if (!placed.has(images.rows)) placed.set(images.rows, new Map(Array.from(typed(images.rows).values, (each, place) => [each, place])));
  const place = placed.get(images.rows)?.get(row);
  return place === undefined ? null : imageCanvas(images.pixels, place, side);
}
