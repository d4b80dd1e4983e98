// Parts of what the inspection found: facts, the table of layers, the balance of the classes.
import { element, heading } from "../page/dom.mjs";
import { thin } from "../page/numbers.mjs";

const ROWS = 1000; // tensors in the table
const OPEN = 40; // tensors up to which it is open
const BARS = 12; // classes with a bar each

/** @param {number[]} shape */
export const times = (shape) => (shape.length ? shape.join(" × ") : "one number");

/** Terms and values; those without a value are left out. @param {[term: string, value: any, className?: string][]} pairs */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", "facts", ...known.map(([term, value, className]) =>
    element("div", className || "", element("dt", "", term), element("dd", "", String(value)))));
}

/** @param {string} label @param {Node} content */
function scrolled(label, content) {
  const box = element("div", "found-scroll", content);
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", label);
  return box;
}

/** @typedef {{ name: string, shape: number[], dtype: string }} Tensor */

/** @param {Tensor[]} tensors */
export function layers(tensors) {
  const head = element("tr", "", ...["Tensor", "Shape", "Type"].map((words) => heading(words)));
  const rows = tensors.slice(0, ROWS).map(({ name, shape, dtype }) =>
    element("tr", "", element("td", "code", name), element("td", "", times(shape)), element("td", "", dtype)));
  const table = element("table", "found-table", element("thead", "", head), element("tbody", "", ...rows));
  const count = `${thin(tensors.length)} tensors`;
  const words = tensors.length > ROWS ? `Layers: the first ${ROWS} of ${count}` : `Layers: ${count}`;
  const fold = element("details", "found-layers", element("summary", "", words), scrolled(words, table));
  fold.open = tensors.length <= OPEN;
  return fold;
}

/** @typedef {{ part: string, words: string, taken: boolean }} Taken */

/** What became of each part of the file. @param {Taken[]} [rows] */
export function taken(rows = []) {
  if (!rows.length) return [];
  const left = rows.filter((row) => !row.taken).length;
  const items = rows.map((row) => element("li", "",
    element("span", row.taken ? "muted" : "warn", row.taken ? "taken: " : "left: "), `${row.part}: ${row.words}`));
  const head = left ? `Taken from the file, and ${thin(left)} left` : "Taken from the file";
  const fold = element("details", "found-taken", element("summary", "", head), element("ul", "", ...items));
  fold.open = left > 0;
  return [fold];
}

/** @param {string} name @param {number} examples @param {number} most @param {number} total */
function bar(name, examples, most, total) {
  const drawn = element("span", "balance-bar");
  drawn.style.setProperty("--share", String(examples / most));
  const said = `${thin(examples)} · ${Math.round((100 * examples) / total)} %`;
  return element("li", "", element("span", "balance-name", name), drawn, element("span", "balance-count", said));
}

/**
 * @param {Record<string, number> | undefined} counts examples by class
 * @param {string[]} [names] texts of the classes where they had any
 */
export function balance(counts, names = []) {
  const entries = Object.entries(counts || {}), sizes = entries.map(([, n]) => n), most = Math.max(...sizes, 1);
  if (entries.length < 2) return null;
  if (entries.length > BARS) {
    return element("p", "hint", `${entries.length} classes of ${thin(Math.min(...sizes))} to ${thin(most)} examples.`);
  }
  const total = sizes.reduce((sum, n) => sum + n, 0);
  const list = element("ul", "balance", ...entries.map(([name, n]) => bar(names.length ? names[Number(name)] : name, n, most, total)));
  list.setAttribute("aria-label", "Examples of each class");
  return list;
}
