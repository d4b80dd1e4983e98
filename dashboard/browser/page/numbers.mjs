// Numbers as the pages write them.
const DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * Three significant digits; powers of ten outside [1e-3, 1e5); a dash for none.
 * @param {number | null | undefined} value
 */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !isFinite(value)) return "—";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e-3 && size < 1e5) return Number(value.toPrecision(digits)).toString().replace("-", "−");
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const raised = [...exponent.replace("+", "")].map((c) => (c === "-" ? "⁻" : DIGITS[Number(c)])).join("");
  return mantissa.replace("-", "−") + "·10" + raised;
}

/** The same of a measured number, whose zeros at the end say how well it is known. @param {number | null | undefined} value */
export function measured(value, digits = 3) {
  if (typeof value !== "number" || !(Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5)) return number(value, digits);
  const [, exponent] = value.toExponential(digits - 1).split("e");
  return value.toFixed(Math.max(digits - 1 - Number(exponent), 0)).replace("-", "−");
}

/**
 * A λ in an address: three significant digits.
 * @param {number} value
 */
export const exponential = (value) => Number(value.toPrecision(3)).toExponential().replace("+", "");

/**
 * A whole number with thin spaces between thousands.
 * @param {number} count
 */
export const thin = (count) => count.toLocaleString("en").replace(/,/g, "\u202f");

/** @param {number} bytes */
export const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/**
 * A number typed by a person, or `none` where it is none.
 * @param {string} text
 * @param {number} none
 */
export function typedNumber(text, none) {
  const plain = text.replace("−", "-").trim();
  return plain === "" || isNaN(Number(plain)) ? none : Number(plain);
}
