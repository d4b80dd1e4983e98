// The name of each class, written where its region is widest and free of points.

export const MOST = 12; // classes that are named on the map
const STEP = 2; // pixels of the field between places looked at
const OPEN = 3; // pixels: a region narrower than that is not named

/**
 * Distance in pixels to the nearest of another class, to the edge and to a point: two passes.
 * @param {ArrayLike<number>} classes row after row
 * @param {number} rows
 * @param {number} columns
 * @param {Set<number>} taken
 */
function clearance(classes, rows, columns, taken) {
  const room = new Float32Array(rows * columns).fill(1e3);
  const look = (/** @type {number} */ at, /** @type {number} */ row, /** @type {number} */ column, /** @type {number} */ down, /** @type {number} */ right) => {
    const [r, c] = [row + down, column + right];
    if (r < 0 || c < 0 || r >= rows || c >= columns) return 0;
    const other = r * columns + c;
    return classes[other] === classes[at] ? room[other] + Math.hypot(down, right) : 0;
  };
  const pass = (/** @type {number} */ at, /** @type {number[][]} */ steps) => {
    const row = Math.floor(at / columns), column = at % columns;
    if (taken.has(at)) room[at] = 0;
    for (const [down, right] of steps) room[at] = Math.min(room[at], look(at, row, column, down, right));
  };
  for (let at = 0; at < room.length; at++) pass(at, [[-1, 0], [0, -1], [-1, -1], [-1, 1]]);
  for (let at = room.length - 1; at >= 0; at--) pass(at, [[1, 0], [0, 1], [1, 1], [1, -1]]);
  return room;
}

/** The pixels in which points lie. @param {Trace} field @param {number[][]} points @param {number} rows @param {number} columns */
function pixelsOf(field, points, rows, columns) {
  const found = new Set();
  for (const [x, y] of points) {
    const column = Math.round((x - field.x0) / field.dx), row = Math.round((y - field.y0) / field.dy);
    if (row >= 0 && column >= 0 && row < rows && column < columns) found.add(row * columns + column);
  }
  return found;
}

/**
 * By class: where its name has most room, in the field's coordinates. None for too many classes.
 * @param {Trace} field a heatmap of classes with x0, dx, y0, dy
 * @param {ArrayLike<number>} classes
 * @param {number[]} shape
 * @param {number[][]} points
 */
export function labelPlaces(field, classes, [rows, columns], points) {
  const room = clearance(classes, rows, columns, pixelsOf(field, points, rows, columns));
  /** @type {Map<number, number>} */
  const best = new Map();
  for (let row = 0; row < rows; row += STEP) {
    for (let column = 0; column < columns; column += STEP) {
      const at = row * columns + column, known = best.get(classes[at]);
      if (room[at] >= OPEN && (known === undefined || room[at] > room[known])) best.set(classes[at], at);
    }
  }
  if (best.size > MOST) return [];
  return [...best].map(([label, at]) => ({
    label, x: field.x0 + (at % columns) * field.dx, y: field.y0 + Math.floor(at / columns) * field.dy,
  }));
}
