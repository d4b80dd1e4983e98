// The list: filter as you type, tick to compare; ticks survive the list's renewal.
import { ID } from "../contract.mjs";
import { setProps } from "./dash.mjs";
import { all, around, byId, field } from "./dom.mjs";

/** @type {Set<string>} */
const ticked = new Set();

function filter() {
  const words = (field(ID.FILTER)?.value || "").toLowerCase();
  for (const row of all("[data-row]")) row.hidden = !row.dataset.row?.includes(words);
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

/** The list has come, or was renewed. */
export function listArrived() {
  requestAnimationFrame(() => {
    filter();
    showTicks();
  });
}

export function listen() {
  document.addEventListener("input", (event) => {
    if (around(event, `#${ID.FILTER}`)) filter();
  });
  document.addEventListener("click", (event) => {
    const box = around(event, "[data-compare]");
    if (box) tick(String(box.dataset.compare));
    if (around(event, `#${ID.COMPARE_BUTTON}`) && ticked.size > 1) setProps(ID.HERE, { href: "/compare?ids=" + [...ticked].join(",") });
  });
}
