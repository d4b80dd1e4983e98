// Colours of whole values, from Plotly's colour scales.

/** @param {string} hex @returns {number[]} */
export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

/**
 * Colours of the `count` whole values from the least on, interpolated between the scale's stops.
 * @param {[number, string][]} stops
 * @param {number} count
 */
export function ramp(stops, count) {
  const table = new Uint8ClampedArray(3 * count);
  for (let i = 0; i < count; i++) {
    const at = count > 1 ? i / (count - 1) : 0;
    const right = Math.max(stops.findIndex(([place]) => place >= at), 1);
    const [[a, low], [b, high]] = [stops[right - 1], stops[right]];
    const share = b > a ? (at - a) / (b - a) : 0, from = rgb(low), to = rgb(high);
    for (let c = 0; c < 3; c++) table[3 * i + c] = from[c] + (to[c] - from[c]) * share;
  }
  return table;
}

/**
 * Each class's own colour (every second stop), mixed with the page as the opacity says.
 * @param {[number, string][]} stops
 * @param {number} count
 * @param {number} opacity
 * @param {string} page
 */
export function flat(stops, count, opacity, page) {
  const table = new Uint8ClampedArray(3 * count), under = rgb(page);
  for (let i = 0; i < count; i++) {
    const over = rgb(stops[2 * i][1]);
    for (let c = 0; c < 3; c++) table[3 * i + c] = under[c] + (over[c] - under[c]) * opacity;
  }
  return table;
}
