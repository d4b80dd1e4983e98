// A small network of dense layers with tanh between them, and any network on the line between two.

/** @typedef {[number[][], number[]][]} Layers weight (out, in) and bias (out) of each layer */

/** The weights at α on the straight line. @param {Layers} first @param {Layers} last @param {number} alpha @returns {Layers} */
export const between = (first, last, alpha) => first.map(([weight, bias], layer) => {
  const [otherWeight, otherBias] = last[layer];
  const mix = (/** @type {number} */ a, /** @type {number} */ b) => (1 - alpha) * a + alpha * b;
  return [
    weight.map((row, i) => row.map((value, j) => mix(value, otherWeight[i][j]))),
    bias.map((value, i) => mix(value, otherBias[i])),
  ];
});

/** Outputs for one input. @param {Layers} layers @param {number[]} input */
export function outputs(layers, input) {
  let values = input;
  layers.forEach(([weight, bias], layer) => {
    const next = new Array(bias.length);
    for (let i = 0; i < bias.length; i++) {
      let sum = bias[i];
      const row = weight[i];
      for (let j = 0; j < row.length; j++) sum += row[j] * values[j];
      next[i] = layer + 1 < layers.length ? Math.tanh(sum) : sum;
    }
    values = next;
  });
  return values;
}

/**
 * Outputs over a square grid, one array a class, rows from below.
 * @param {Layers} layers
 * @param {number[]} x its ends
 * @param {number[]} y
 * @param {number} side
 */
export function overPlane(layers, [x0, x1], [y0, y1], side) {
  const classes = layers[layers.length - 1][1].length;
  const fields = Array.from({ length: classes }, () => new Float32Array(side * side));
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const found = outputs(layers, [x0 + ((x1 - x0) * column) / (side - 1), y0 + ((y1 - y0) * row) / (side - 1)]);
      for (let c = 0; c < classes; c++) fields[c][row * side + column] = found[c];
    }
  }
  return fields;
}

/** The class of largest logit between four grid points. @param {Float32Array[]} fields @param {number} at @param {number} side @param {number} right @param {number} up */
function largest(fields, at, side, right, up) {
  let best = -Infinity, found = 0;
  for (let k = 0; k < fields.length; k++) {
    const f = fields[k];
    const low = f[at] + right * (f[at + 1] - f[at]), high = f[at + side] + right * (f[at + side + 1] - f[at + side]);
    const value = low + up * (high - low);
    if (value <= best) continue;
    best = value;
    found = k;
  }
  return found;
}

/**
 * The class of every pixel, rows from above: logits between grid points are straight.
 * @param {Float32Array[]} fields
 * @param {number} side of the grid
 * @param {number} pixels a side
 */
export function classesOf(fields, side, pixels) {
  const found = new Uint8Array(pixels * pixels), step = (side - 1) / (pixels - 1);
  for (let row = 0; row < pixels; row++) {
    const v = (pixels - 1 - row) * step, r = Math.min(Math.floor(v), side - 2), up = v - r;
    for (let column = 0; column < pixels; column++) {
      const u = column * step, c = Math.min(Math.floor(u), side - 2), right = u - c, at = r * side + c;
      found[row * pixels + column] = largest(fields, at, side, right, up);
    }
  }
  return found;
}
