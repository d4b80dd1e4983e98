// Estimates over λ, read between the points where they were computed.

/** @typedef {NonNullable<Payload["curves"]>} Curves */

/** The ends of the curves in log₁₀ λ. @param {Curves} curves */
export const endsOf = ({ lambda }) => [Math.log10(lambda[0]), Math.log10(lambda[lambda.length - 1])];

/**
 * Value of a curve at λ, linear between grid points in log λ; null beside a missing point.
 * @param {Curves} curves
 * @param {string} name
 * @param {number} lambda
 */
export function at(curves, name, lambda) {
  const curve = curves[name], grid = curves.lambda.map(Math.log10), x = Math.log10(lambda);
  const found = grid.findIndex((v) => v >= x - 1e-12), i = found < 0 ? grid.length - 1 : found;
  if (i === 0) return curve[0];
  const [a, b] = [curve[i - 1], curve[i]];
  if (a === null || b === null) return null;
  return a + ((b - a) * (x - grid[i - 1])) / (grid[i] - grid[i - 1]);
}

/** The λ some tenths of a decade on, within the curves. @param {Curves} curves @param {number} lambda @param {number} steps */
export function stepped(curves, lambda, steps) {
  const [low, high] = endsOf(curves);
  return 10 ** Math.min(Math.max(Math.log10(lambda) + 0.1 * steps, low), high);
}
