// ⌘K: pages, minima and actions by name, from anywhere.
import { ID } from "../contract.mjs";
import { setProps } from "./dash.mjs";
import { around, byId, element, field } from "./dom.mjs";
import { showHelp } from "./help.mjs";

/** @typedef {{ words: string, about: string, act: () => void }} Entry */

const MOST = 9; // entries shown
const LEAP = 900; // milliseconds between g and the letter after it
/** @type {Record<string, string>} */
const PLACES = { a: "/", c: "/compare", u: "/upload", d: "/docs" };

/** @param {string} href */
const go = (href) => setProps(ID.HERE, { href });

/** @type {Entry[]} */
const FIXED = [
  { words: "Minima", about: "page", act: () => go("/") },
  { words: "Compare", about: "page", act: () => go("/compare") },
  { words: "New analysis", about: "page", act: () => go("/upload") },
  { words: "Docs: what every term means", about: "page", act: () => go("/docs") },
  { words: "Dark or light", about: "action", act: () => byId(ID.THEME_TOGGLE)?.click() },
  { words: "Keyboard shortcuts", about: "action", act: () => showHelp(true) },
];

/** @type {Entry[]} */
let minima = [];
/** @type {Entry[]} */
let shown = [];
let chosen = 0;

const dialog = () => /** @type {HTMLDialogElement | null} */ (byId(ID.PALETTE));

/** Every word typed is somewhere in the entry. @param {string} typed @param {Entry[]} entries */
export function matching(typed, entries) {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter(({ words: name, about }) => words.every((word) => `${name} ${about}`.toLowerCase().includes(word)));
}

async function fetchMinima() {
  const reply = await fetch("/api/v1/analyses?limit=200").catch(() => null);
  if (!reply?.ok) return;
  /** @type {{ items: { id: string, name: string, state: string, tags?: string[] }[] }} */
  const page = await reply.json();
  minima = page.items.map(({ id, name, state, tags }) => ({
    words: name || `Analysis ${id.slice(0, 8)}`, about: ["minimum", ...(tags || []).map((tag) => `#${tag}`)].join(" "),
    act: () => go(state === "done" ? `/analyses/${id}` : `/jobs/${id}`),
  }));
  list();
}

function list() {
  const place = byId(ID.PALETTE_FOUND), input = field(ID.PALETTE_FIELD);
  if (!place || !input) return;
  shown = matching(input.value, [...minima, ...FIXED]).slice(0, MOST);
  chosen = Math.min(chosen, Math.max(shown.length - 1, 0));
  place.replaceChildren(...shown.map(({ words, about }, index) => {
    const row = element("div", "palette-row", element("span", "", words), element("small", "", about));
    row.id = `palette-${index}`;
    row.dataset.palette = String(index);
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(index === chosen));
    return row;
  }));
  if (!shown.length) place.replaceChildren(element("div", "palette-row none", "Nothing has such a name."));
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "true", "aria-controls": ID.PALETTE_FOUND })) input.setAttribute(name, value);
  if (shown.length) input.setAttribute("aria-activedescendant", `palette-${chosen}`);
  else input.removeAttribute("aria-activedescendant");
}

export function openPalette() {
  const box = dialog(), input = field(ID.PALETTE_FIELD);
  if (!box || !input || box.open) return;
  input.value = "";
  chosen = 0;
  box.showModal();
  input.focus();
  list();
  fetchMinima();
}

/** @param {number} index */
function act(index) {
  const entry = shown[index];
  if (!entry) return;
  dialog()?.close();
  entry.act();
}

/** @param {KeyboardEvent} event */
function inside(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && shown.length) chosen = (chosen + step + shown.length) % shown.length;
  else if (event.key === "Enter") act(chosen);
  else return;
  event.preventDefault();
  list();
}

let leapt = 0;

/** `g` and then a letter. @param {KeyboardEvent} event */
function leap(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || around(event, "input:not([type=range]), textarea, select, dialog")) return;
  if (event.key === "g") leapt = performance.now();
  else if (PLACES[event.key] && performance.now() - leapt < LEAP) {
    leapt = 0;
    go(PLACES[event.key]);
  }
}

export function listen() {
  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
    } else if (dialog()?.open) inside(event);
    else leap(event);
  });
  document.addEventListener("input", (event) => {
    if (!around(event, `#${ID.PALETTE_FIELD}`)) return;
    chosen = 0;
    list();
  });
  document.addEventListener("click", (event) => {
    if (around(event, `#${ID.PALETTE_OPEN}`)) openPalette();
    const row = around(event, "[data-palette]");
    if (row) act(Number(row.dataset.palette));
    if (event.target === dialog()) dialog()?.close();
  });
}
