// Files that are here already: chosen again without sending them again.
import { around, element, idOf, byId } from "../page/dom.mjs";
import { size } from "../page/numbers.mjs";
import { timeWords } from "../page/times.mjs";
import { ADDRESS } from "./addresses.mjs";
import { accepted } from "./zone.mjs";

const SHOWN = 12;

/** @typedef {Upload & { created_at?: string }} Earlier */

/** @param {Zone} zone @param {Earlier} upload */
function entry(zone, upload) {
  const said = [size(upload.size), upload.created_at ? timeWords(new Date(upload.created_at), Date.now()) : ""].filter(Boolean).join(", ");
  const button = element("button", "menu-item", `${upload.name} `, element("small", "muted", said));
  button.addEventListener("click", () => {
    const place = byId(idOf("drop", zone));
    if (place) accepted(place, upload);
    button.closest("details")?.removeAttribute("open");
  });
  return button;
}

/** @param {HTMLDetailsElement} menu */
async function fill(menu) {
  const zone = /** @type {Zone} */ (menu.dataset.earlier), place = /** @type {HTMLElement} */ (menu.querySelector(".menu-items"));
  place.replaceChildren(element("p", "hint", "Looking…"));
  const reply = await fetch(`${ADDRESS[zone]}?limit=50`).catch(() => null);
  const items = /** @type {Earlier[]} */ (reply?.ok ? (await reply.json()).items : []);
  const fit = items.filter(({ inspection }) => inspection.state === "ok").slice(0, SHOWN);
  place.replaceChildren(...(fit.length ? fit.map((each) => entry(zone, each)) : [element("p", "hint", "No file of this kind is here yet.")]));
}

export function listen() {
  document.addEventListener("click", (event) => {
    const menu = around(event, "summary")?.parentElement;
    // The click opens it after this.
    if (menu instanceof HTMLDetailsElement && menu.dataset.earlier && !menu.open) fill(menu);
  });
}
