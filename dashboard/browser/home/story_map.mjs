// Decision regions of a small network, evaluated here, with the boundary and the training points.
import { CLASSES } from "../contract.mjs";
import { SHAPES } from "../figures/paint.mjs";
import { colour } from "../figures/palette.mjs";
import { rgb } from "../figures/ramp.mjs";
import { classesOf, overPlane } from "./network.mjs";

const GRID = 84; // places of the network a side; between them logits are straight
const SHARE = { light: 0.27, dark: 0.36 }; // of a class's colour on the page
const THICK = 1.3, POINT = 3.4; // CSS pixels

/** @param {number} label */
function tint(label) {
  const over = rgb(CLASSES[label % CLASSES.length][0]), under = rgb(colour("page"));
  const share = document.documentElement.dataset.theme === "dark" ? SHARE.dark : SHARE.light;
  return over.map((value, k) => under[k] + (value - under[k]) * share);
}

/** @param {ImageData} image @param {Uint8Array} classes @param {number} reach pixels */
function fill({ data, width }, classes, reach) {
  const table = [...new Set(classes)].reduce((known, label) => known.set(label, tint(label)), new Map()), ink = rgb(colour("ink"));
  for (let at = 0; at < classes.length; at++) {
    const own = classes[at], column = at % width;
    const edge = (column + reach < width && classes[at + reach] !== own) || (at + reach * width < classes.length && classes[at + reach * width] !== own);
    const [red, green, blue] = edge ? ink : table.get(own);
    data.set([red, green, blue, 255], 4 * at);
  }
}

/** @param {CanvasRenderingContext2D} context @param {import("./story.mjs").Story} story @param {number} scale */
function points(context, { points: places, labels, x, y }, scale) {
  const { width, height } = context.canvas;
  context.lineWidth = 0.8 * scale;
  context.strokeStyle = colour("halo");
  places.forEach(([u, v], each) => {
    const [hue, shape] = CLASSES[labels[each] % CLASSES.length];
    const across = (width * (u - x[0])) / (x[1] - x[0]), down = height * (1 - (v - y[0]) / (y[1] - y[0]));
    context.beginPath();
    context.fillStyle = hue;
    (SHAPES[shape] || SHAPES.circle)(context, across, down, POINT * scale);
    context.closePath();
    context.fill();
    context.stroke();
  });
}

/** @param {HTMLElement | null} place @param {import("./story.mjs").Story} story @param {import("./network.mjs").Layers} layers */
export function drawPlane(place, story, layers) {
  if (!place || !place.clientWidth) return;
  const canvas = place.querySelector("canvas") || place.appendChild(document.createElement("canvas"));
  const scale = Math.max(window.devicePixelRatio || 1, 1.5), side = Math.round(place.clientWidth * scale);
  Object.assign(canvas, { width: side, height: side });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(side, side);
  fill(image, classesOf(overPlane(layers, story.x, story.y, GRID), GRID, side), Math.round(THICK * scale));
  context.putImageData(image, 0, 0);
  points(context, story, scale);
}
