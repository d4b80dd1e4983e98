// Terms of the glossary explain themselves: on hover after a moment, at once on focus and tap.
import { GLOSSARY } from "../contract.mjs";
import { around, element } from "./dom.mjs";

const PATIENCE = 120, EDGE = 12, WIDEST = 320; // milliseconds, pixels, pixels
const TIP = "term-tip";

/** @type {HTMLElement | null} */
let tip = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {HTMLElement} word @returns {HTMLElement | null} */
function made(word) {
  const found = /** @type {Record<string, readonly [string, string]>} */ (GLOSSARY)[String(word.dataset.term)];
  if (!found) return null;
  const more = Object.assign(element("a", "", "All terms"), { href: `/docs#${word.dataset.term}` });
  const box = element("div", "tip", element("b", "", found[0]), element("p", "", found[1]), more);
  box.id = TIP;
  box.setAttribute("role", "tooltip");
  return box;
}

/** Below its word, inside the window. @param {HTMLElement} box @param {HTMLElement} word */
function place(box, word) {
  const { left, bottom } = word.getBoundingClientRect(), inside = document.documentElement.clientWidth;
  const wide = Math.min(WIDEST, inside - 2 * EDGE);
  box.style.width = `${wide}px`;
  box.style.left = `${Math.max(EDGE, Math.min(left, inside - wide - EDGE)) + scrollX}px`;
  box.style.top = `${bottom + 6 + scrollY}px`;
}

function hide() {
  clearTimeout(timer);
  tip?.remove();
  tip = null;
  for (const word of document.querySelectorAll("[data-term][aria-expanded=true]")) {
    word.setAttribute("aria-expanded", "false");
    word.removeAttribute("aria-describedby");
  }
}

/** @param {HTMLElement} word */
function show(word) {
  hide();
  tip = made(word);
  if (!tip) return;
  (document.querySelector("main") || document.body).append(tip);
  place(tip, word);
  word.setAttribute("aria-expanded", "true");
  word.setAttribute("aria-describedby", TIP);
}

export function listen() {
  const wordOf = (/** @type {Event} */ event) => around(event, "[data-term]");
  document.addEventListener("pointerover", (event) => {
    const word = wordOf(event);
    clearTimeout(timer);
    if (word && event.pointerType === "mouse") timer = setTimeout(() => show(word), PATIENCE);
    else if (tip && !around(event, ".tip")) timer = setTimeout(hide, 2 * PATIENCE);
  });
  document.addEventListener("focusin", (event) => {
    const word = wordOf(event);
    if (word?.matches(":focus-visible")) show(word);
    else if (tip && !around(event, ".tip")) hide();
  });
  document.addEventListener("click", (event) => {
    const word = wordOf(event);
    if (word) show(word);
    else if (!around(event, ".tip")) hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
}
