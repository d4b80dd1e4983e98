// One analysis in one file: a zip of everything, or a report page that opens without a network.
import { drawn } from "../analysis/drawings.mjs";
import { state } from "../analysis/state.mjs";
import { GLOSSARY, ID } from "../contract.mjs";
import { plotly } from "../figures/plotly.mjs";
import { all, one } from "../page/dom.mjs";
import { strToU8, zipSync } from "../vendor/fflate.mjs";
import { about } from "./about.mjs";
import { figureFor, svgOf } from "./images.mjs";
import { csvOf } from "./rows.mjs";

const PAPER = 6.9; // inches
const LEVEL = 6; // 9 gains a thousandth; the archive of a small network stays under 5 MiB
const STYLE =
  "body{font:15px/1.55 sans-serif;max-width:900px;margin:40px auto;padding:0 20px;color:#1a1c20}" +
  "table{border-collapse:collapse;width:100%;margin:12px 0 24px}th,td{text-align:left;font-weight:400;padding:5px 16px 5px 0;border-bottom:1px solid #eef0f2}" +
  "svg,img{max-width:100%;height:auto}.kpis{display:grid;grid-template-columns:repeat(2,1fr);gap:14px}dd{margin:0}.terms dt{font-weight:600;margin-top:10px}.expected{font-size:20px}.kpi-value{margin-right:10px}nav ol{columns:2}.kpi-value{font-weight:600;font-size:20px}" +
  ".kpi-error,.kpi-note,caption,.hint{color:#5b616b;font-size:14px}pre{font-size:12px;white-space:pre-wrap;background:#f5f6f8;padding:14px}h2{margin-top:36px}";

/** @returns {Record<string, string>} */
const titles = () => ({
  [ID.BOUNDARY]: "Boundary", [ID.FILMSTRIP]: "Eigenvectors", [ID.SPECTRUM]: "Hessian spectrum", [ID.GAP]: "Gap against λ",
  ...Object.fromEntries(all("[data-tab]").map((tab) => [tab.dataset.tab, tab.textContent])),
});

/** Every figure of the analysis at paper width, also those of tabs that are not open. */
async function figures() {
  /** @type {Record<string, Figure>} */
  const found = {};
  await plotly();
  for (const name of Object.keys(state.payload?.figures || {})) {
    const figure = figureFor(name, PAPER, (width) => drawn(name, width));
    if (figure) found[name] = figure;
  }
  return found;
}

/** @param {string} text */
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** An element as text, without what acts. @param {HTMLElement | null} element */
function copyOf(element) {
  if (!element) return "";
  const copy = /** @type {HTMLElement} */ (element.cloneNode(true));
  for (const word of all("[data-term]", copy)) word.replaceWith(word.textContent || "");
  for (const part of all("button, input, a, .slider", copy)) part.replaceWith(part.tagName === "A" ? part.textContent || "" : "");
  for (const part of [copy, ...all("*", copy)]) for (const name of ["id", "hidden", "tabindex", "role"]) part.removeAttribute(name);
  return copy.outerHTML;
}

/** @param {Record<string, Figure>} found */
async function sections(found) {
  const parts = [];
  for (const [name, title] of Object.entries(titles())) {
    const side = one(`[data-side="${name}"]`);
    if (!found[name] && !(side && name === "estimates")) continue;
    const picture = found[name] ? await svgOf(found[name], about()) : "";
    parts.push({ name, title, html: `<section id="${name}"><h2>${escaped(title)}</h2>${picture}${copyOf(side)}</section>` });
  }
  return parts;
}

/** What the report's terms mean, in the page's own sentences. */
function glossary() {
  const entries = Object.values(GLOSSARY).map(([name, words]) => `<dt>${escaped(name)}</dt><dd>${escaped(words)}</dd>`);
  return `<section id="terms"><h2>Terms</h2><dl class="terms">${entries.join("")}</dl></section>`;
}

/** @param {{ name: string, title: string }[]} parts */
function contents(parts) {
  const entries = [...parts, { name: "terms", title: "Terms" }].map(({ name, title }) => `<li><a href="#${name}">${escaped(title)}</a></li>`);
  return `<nav aria-label="Contents"><ol>${entries.join("")}</ol></nav>`;
}

/** The address of this analysis in the API. */
const ownAddress = () => `/api/v1/analyses/${state.payload?.about.id}`;

/** @param {string} address */
async function bytes(address) {
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(`${address} answered ${reply.status}`);
  return new Uint8Array(await reply.arrayBuffer());
}

/** @param {any} value */
const pretty = (value) => escaped(JSON.stringify(value, null, 1));

/** @param {Record<string, Figure>} [given] figures, where they are made already */
export async function reportPage(given) {
  const parts = await sections(given || (await figures())), raw = await bytes(ownAddress() + "/report");
  const report = JSON.parse(new TextDecoder().decode(raw));
  const head = ["h1", ".subtitle", ".answer", ".kpis"].map((selector) => copyOf(one(selector))).join("");
  const body = contents(parts) + parts.map(({ html }) => html).join("") + glossary();
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>${escaped(one("h1")?.textContent || "")}</title>` +
    `<style>${STYLE}</style></head><body>${head}${body}<h2>Where this comes from</h2><pre>${pretty(about())}</pre>` +
    `<details><summary>Raw report</summary><pre>${pretty(report)}</pre></details></body></html>`;
}

/** Report, arrays, figures and their data; what is compressed already is stored as it is. */
export async function wholeZip() {
  const found = await figures(), address = ownAddress();
  /** @type {import("fflate").Zippable} */
  const files = {
    "about.json": strToU8(JSON.stringify(about(), null, 1) + "\n"),
    "report.html": strToU8(await reportPage(found)),
    "report.json": await bytes(address + "/report"),
  };
  const arrays = await bytes(address + "/arrays.npz").catch(() => null);
  if (arrays) files["arrays.npz"] = [arrays, { level: 0 }];
  for (const [name, figure] of Object.entries(found)) {
    files[`figures/${name}.svg`] = strToU8(await svgOf(figure, about()));
    // The strip's fields are in arrays.npz; as text they would be most of the archive.
    if (name !== ID.FILMSTRIP) files[`data/${name}.csv`] = strToU8(csvOf(figure, about()));
  }
  return zipSync(files, { level: LEVEL });
}
