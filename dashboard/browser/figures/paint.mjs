// Small maps painted on canvases, straight from the int8 fields of a figure's traces.
import { typed } from "./arrays.mjs";
import { colour } from "./palette.mjs";
import { flat, ramp } from "./ramp.mjs";
import { shapeOf } from "./strip.mjs";

const ROOMY = 160; // pixels: points of a narrower tile are smaller

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {{ context: Context, across: (v: number) => number, up: (v: number) => number, scale: number }} Sheet */

/** @type {Record<string, (c: Context, x: number, y: number, r: number) => void>} */
export const SHAPES = {
  circle: (c, x, y, r) => c.arc(x, y, r, 0, 7),
  square: (c, x, y, r) => c.rect(x - r, y - r, 2 * r, 2 * r),
  diamond: (c, x, y, r) => corners(c, [x, y - 1.3 * r], [x + 1.3 * r, y], [x, y + 1.3 * r], [x - 1.3 * r, y]),
  "triangle-up": (c, x, y, r) => corners(c, [x, y - 1.2 * r], [x + 1.2 * r, y + r], [x - 1.2 * r, y + r]),
  "triangle-down": (c, x, y, r) => corners(c, [x, y + 1.2 * r], [x + 1.2 * r, y - r], [x - 1.2 * r, y - r]),
  cross: (c, x, y, r) => {
    c.rect(x - r, y - r / 3, 2 * r, 0.67 * r);
    c.rect(x - r / 3, y - r, 0.67 * r, 2 * r);
  },
};

/** @param {Context} c @param {[number, number]} start @param {[number, number][]} rest */
function corners(c, start, ...rest) {
  c.moveTo(...start);
  for (const corner of rest) c.lineTo(...corner);
}

/** A heatmap of whole values, one pixel a value. @param {Trace} trace @param {boolean} flip */
function field(trace, flip) {
  const { values, shape } = typed(trace.z), [rows, columns] = shape;
  const low = Math.ceil(trace.zmin), count = Math.floor(trace.zmax) - low + 1;
  const table = trace.opacity ? flat(trace.colorscale, count, trace.opacity, colour("page")) : ramp(trace.colorscale, count);
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const context = /** @type {Context} */ (canvas.getContext("2d"));
  const image = context.createImageData(columns, rows), { data } = image;
  for (let row = 0, at = 0; row < rows; row++) {
    const from = (rows - 1 - row) * columns;
    for (let column = 0; column < columns; column++, at += 4) {
      const found = values[from + column] - low, index = 3 * (flip ? count - 1 - found : found);
      data[at] = table[index];
      data[at + 1] = table[index + 1];
      data[at + 2] = table[index + 2];
      data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** @param {Sheet} sheet @param {Trace} trace */
function polyline({ context, across, up, scale }, trace) {
  const x = typed(trace.x).values, y = typed(trace.y).values;
  context.beginPath();
  let pen = false;
  for (let i = 0; i < x.length; i++) {
    if (x[i] === null || Number.isNaN(x[i])) {
      pen = false;
      continue;
    }
    if (pen) context.lineTo(across(x[i]), up(y[i]));
    else context.moveTo(across(x[i]), up(y[i]));
    pen = true;
  }
  context.strokeStyle = trace.line.color;
  context.lineWidth = trace.line.width * scale;
  context.stroke();
}

/** @param {Sheet} sheet @param {Trace} trace */
function points({ context, across, up, scale }, trace) {
  const x = typed(trace.x).values, y = typed(trace.y).values, { color, symbol } = trace.marker;
  const size = trace.marker.size * Math.min(1, context.canvas.width / scale / ROOMY);
  context.fillStyle = color;
  context.beginPath();
  for (let i = 0; i < x.length; i++) {
    context.moveTo(across(x[i]), up(y[i]));
    (SHAPES[symbol] || SHAPES.circle)(context, across(x[i]), up(y[i]), (size / 2) * scale);
    context.closePath();
  }
  context.fill();
}

/**
 * Paints a tile's traces at the size its canvas has on the page.
 * @param {HTMLCanvasElement} canvas
 * @param {Tile} tile
 */
export function paint(canvas, { traces, span }, flip = false) {
  const scale = window.devicePixelRatio || 1, width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(width * shapeOf(span));
  if (!width) return;
  Object.assign(canvas, { width, height });
  const context = /** @type {Context} */ (canvas.getContext("2d"));
  const across = (/** @type {number} */ v) => ((v - span.x[0]) / (span.x[1] - span.x[0])) * width;
  const up = (/** @type {number} */ v) => height - ((v - span.y[0]) / (span.y[1] - span.y[0])) * height;
  context.imageSmoothingQuality = "high";
  context.lineJoin = "round";
  for (const trace of traces) {
    if (trace.type === "heatmap") {
      const small = field(trace, flip);
      context.imageSmoothingEnabled = !trace.opacity;
      context.drawImage(small, 0.5, 0.5, small.width - 1, small.height - 1, 0, 0, width, height);
    } else (trace.mode === "lines" ? polyline : points)({ context, across, up, scale }, trace);
  }
}
