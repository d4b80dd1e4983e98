// Eigenvalues above absolute thresholds, which are the same ones for every minimum.

/** @typedef {NonNullable<Payload["counts"]>} Counts */

const SHARE = 0.1; // of the largest threshold: where the slider stands first

/** The place of the threshold nearest to a value. @param {Counts} counts @param {number} value */
export function placeOf({ threshold }, value) {
  const apart = threshold.map((each) => Math.abs(Math.log(each / value)));
  return apart.indexOf(Math.min(...apart));
}

/** The threshold asked for, else a tenth of the largest; null without counts. @param {string | null} text @param {Payload["counts"]} counts */
export function thresholdOf(text, counts) {
  if (!counts || !counts.threshold.length) return null;
  const asked = Number(text), usual = SHARE * counts.threshold[counts.threshold.length - 1];
  return counts.threshold[placeOf(counts, text && asked > 0 && isFinite(asked) ? asked : usual)];
}
