// What is drawn, as rows (series, x, y, value), CSV and JSON.
import { ALIGNMENT_SCALE, UNSAID } from "../contract.mjs";
import { decode } from "../figures/arrays.mjs";
import { is } from "../figures/roles.mjs";
import { unsymlog } from "../figures/symlog.mjs";

export const COLUMNS = ["series", "x", "y", "value"];

/** @typedef {[string, any, any, any]} Row */

/** @param {Trace} trace @param {string} name @returns {Row[]} */
function heatmapRows(trace, name) {
  const x = decode(trace.x), y = decode(trace.y), unit = trace.zmax === ALIGNMENT_SCALE ? ALIGNMENT_SCALE : 1;
  return decode(trace.z).flatMap((/** @type {number[]} */ row, /** @type {number} */ j) =>
    row.map((value, i) => [name, x ? x[i] : trace.x0 + i * trace.dx, y ? y[j] : trace.y0 + j * trace.dy, value / unit]));
}

/** @param {any} value */
const isGap = (value) => value === null || Number.isNaN(value);

/** One number stays a number. @param {any} record */
function recordOf(record) {
  const parts = [record].flat();
  return parts.length === 1 ? parts[0] : parts.join(" ");
}

/** What a place on the axis stands for: of a spectrum the eigenvalue. @param {Layout} layout @returns {(place: any) => any} */
function placesOf(layout) {
  const linear = layout?.xaxis?.type === "log" ? 0 : layout?.meta?.linear;
  return (place) => (linear && typeof place === "number" ? Number(unsymlog(place, linear).toPrecision(6)) : place);
}

/** @param {Trace} trace @param {string} name @returns {Row[]} */
function seriesRows(trace, name) {
  const x = decode(trace.x) || [], y = decode(trace.y) || [], custom = decode(trace.customdata);
  return x.flatMap((/** @type {any} */ value, /** @type {number} */ i) =>
    isGap(value) || isGap(y[i]) ? [] : [[name, value, y[i], custom ? recordOf(custom[i]) : ""]]);
}

/**
 * Rows of everything drawn; heatmaps give one row a pixel.
 * @param {Figure} figure
 * @returns {Row[]}
 */
export function rowsOf(figure) {
  const meant = placesOf(figure.layout);
  return figure.data.filter((trace) => trace.visible !== false && !is(trace, ...UNSAID)).flatMap((trace) => {
    const name = (trace.name || "").replace(/<[^>]+>/g, "");
    return trace.type === "heatmap" ? heatmapRows(trace, name) : seriesRows(trace, name).map(([own, x, ...rest]) => /** @type {Row} */ ([own, meant(x), ...rest]));
  });
}

// A spreadsheet would compute what begins so; an apostrophe makes it text.
const FORMULA = /^[=+\-@\t\r]/;

/** @param {any} cell */
function quoted(cell) {
  const line = String(cell).replace(/[\r\n\u2028\u2029]+/g, " ");
  const text = typeof cell === "string" && FORMULA.test(cell) ? "'" + line : line;
  return /[",\t]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
}

/** A name with a line break must not begin a line of its own. @param {any} value */
const oneLine = (value) => (typeof value === "string" && !/[\p{Cc}\u2028\u2029]/u.test(value) ? value : JSON.stringify(value));

/**
 * @param {Figure} figure
 * @param {Record<string, any>} about where it comes from
 */
export function csvOf(figure, about) {
  const head = Object.entries(about).map(([key, value]) => `# ${key}: ${oneLine(value)}`);
  const lines = [COLUMNS, ...rowsOf(figure)].map((row) => row.map(quoted).join(","));
  return [...head, ...lines].join("\n") + "\n";
}

/**
 * @param {string} plot
 * @param {Figure} figure
 * @param {Record<string, any>} about
 */
export const jsonOf = (plot, figure, about) => JSON.stringify({ about, plot, columns: COLUMNS, rows: rowsOf(figure) }) + "\n";
