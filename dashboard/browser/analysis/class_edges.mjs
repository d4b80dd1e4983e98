// Where neighbouring pixels have different classes.

/**
 * Segments between the middles of those edges; nulls separate them.
 * @param {ArrayLike<number>} classes row after row
 * @param {number[]} xs
 * @param {number[]} ys
 */
export function classEdges(classes, xs, ys) {
  const side = xs.length;
  /** @type {{ x: (number | null)[], y: (number | null)[] }} */
  const lines = { x: [], y: [] };
  for (let row = 0; row + 1 < ys.length; row++) {
    for (let column = 0; column + 1 < side; column++) {
      const at = row * side + column;
      const four = [classes[at], classes[at + 1], classes[at + side + 1], classes[at + side]];
      cell(lines, four, [xs[column], xs[column + 1]], [ys[row], ys[row + 1]]);
    }
  }
  return lines;
}

/**
 * @param {{ x: (number | null)[], y: (number | null)[] }} lines
 * @param {number[]} four classes, around the cell
 * @param {[number, number]} across
 * @param {[number, number]} up
 */
function cell(lines, [a, b, c, d], [x0, x1], [y0, y1]) {
  if (a === b && b === c && c === d) return;
  const x = (x0 + x1) / 2, y = (y0 + y1) / 2;
  const ends = [];
  if (a !== b) ends.push([x, y0]);
  if (b !== c) ends.push([x1, y]);
  if (c !== d) ends.push([x, y1]);
  if (d !== a) ends.push([x0, y]);
  const pairs = ends.length === 2 ? [ends] : ends.map((end) => [end, [x, y]]);
  for (const [from, to] of pairs) {
    lines.x.push(from[0], to[0], null);
    lines.y.push(from[1], to[1], null);
  }
}
