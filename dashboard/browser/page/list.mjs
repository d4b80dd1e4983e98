// The list: filtered and sorted as the address says, ticked to compare; all of it survives renewal.
import { ID } from "../contract.mjs";
import { showThumbs } from "../home/thumbs.mjs";
import { setProps } from "./dash.mjs";
import { all, around, byId, field, one } from "./dom.mjs";
import { showTimes } from "./times.mjs";

/** @type {Set<string>} */
const ticked = new Set();

/** @param {Record<string, string>} said */
function intoAddress(said) {
  const url = new URL(location.href);
  if (url.pathname !== "/") return;
  for (const [name, value] of Object.entries(said)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}

function filter() {
  const typed = field(ID.FILTER)?.value || "", words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of all("[data-row]")) {
    row.hidden = !words.every((word) => row.dataset.row?.includes(word));
    shown += row.hidden ? 0 : 1;
  }
  const none = byId(ID.NOTHING_FOUND);
  if (none) {
    none.hidden = shown > 0 || !words.length;
    none.textContent = none.hidden ? "" : `Nothing matches “${typed}”.`;
  }
  intoAddress({ q: typed });
}

/** What the address sorts by, and whether from the largest down. */
function order() {
  const [by, down] = (new URLSearchParams(location.search).get("sort") || "").split(":");
  return { by, down: down === "down" };
}

/** Pinned rows first; rows without the value last, whichever way it goes. @param {HTMLElement} a @param {HTMLElement} b @param {string} by @param {boolean} down */
export function compared(a, b, by, down) {
  const pinned = Number(Boolean(b.dataset.pinned)) - Number(Boolean(a.dataset.pinned));
  if (pinned) return pinned;
  const key = `data-by-${by}`, [one_, other] = [a.getAttribute(key), b.getAttribute(key)];
  if (one_ === null || other === null) return Number(one_ === null) - Number(other === null);
  const found = by === "name" ? one_.localeCompare(other) : Number(one_) - Number(other);
  return down ? -found : found;
}

function sort() {
  const { by, down } = order(), body = one(".list tbody");
  for (const head of all(".list thead th[aria-sort]")) {
    const here = head.querySelector("[data-sort]")?.getAttribute("data-sort") === by;
    head.setAttribute("aria-sort", here ? (down ? "descending" : "ascending") : "none");
  }
  if (!body) return;
  const rows = all("tr", body), wanted = [...rows].sort((a, b) => compared(a, b, by || "started", by ? down : true));
  if (wanted.some((row, place) => row !== rows[place])) body.append(...wanted);
}

function showTicks() {
  const boxes = all("[data-compare]"), known = boxes.map((box) => String(box.dataset.compare));
  for (const box of boxes) box.setAttribute("aria-checked", String(ticked.has(String(box.dataset.compare))));
  const button = /** @type {HTMLButtonElement | null} */ (byId(ID.COMPARE_BUTTON));
  if (!button) return;
  for (const id of ticked) if (!known.includes(id)) ticked.delete(id);
  button.textContent = ticked.size > 1 ? `Compare ${ticked.size}` : "Compare";
  button.disabled = ticked.size < 2;
}

/** @param {string} id */
function tick(id) {
  if (!ticked.delete(id)) ticked.add(id);
  showTicks();
}

/** The minimum whose menu is open: a renewed list puts other minima into the same rows. */
let opened = "";

/** @param {Element} menu */
const idOfMenu = (menu) => menu.querySelector("[data-id]")?.getAttribute("data-id") || "";

const menus = () => /** @type {HTMLDetailsElement[]} */ (all(".list .menu"));

/** @param {Event} event */
function toggled({ target }) {
  if (!(target instanceof HTMLDetailsElement) || !target.matches(".list .menu")) return;
  const id = idOfMenu(target);
  if (target.open) opened = id;
  else if (id === opened) opened = "";
}

function showMenu() {
  for (const menu of menus()) menu.open = opened !== "" && idOfMenu(menu) === opened;
}

/** The list has come, or was renewed. */
export function listArrived() {
  requestAnimationFrame(() => {
    sort();
    filter();
    showTicks();
    showMenu();
    showTimes();
    showThumbs();
  });
}

/** Once up, once down, then as it was. @param {string} by */
function sortBy(by) {
  const now = order();
  intoAddress({ sort: now.by !== by ? by : now.down ? "" : `${by}:down` });
  sort();
}

export function listen() {
  document.addEventListener("toggle", toggled, true); // which does not bubble
  document.addEventListener("input", (event) => {
    if (around(event, `#${ID.FILTER}`)) filter();
  });
  document.addEventListener("click", (event) => {
    const box = around(event, "[data-compare]"), head = around(event, "[data-sort]");
    if (box) tick(String(box.dataset.compare));
    if (head) sortBy(String(head.dataset.sort));
    if (around(event, `#${ID.COMPARE_BUTTON}`) && ticked.size > 1) setProps(ID.HERE, { href: "/compare?ids=" + [...ticked].join(",") });
  });
}
