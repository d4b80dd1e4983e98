// A thumbnail of its boundary for each row of the list, asked for when the row is seen.
import { paint } from "../figures/paint.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { themed } from "../figures/themed.mjs";
import { tilesOf } from "../figures/tiles.mjs";
import { all } from "../page/dom.mjs";
import { patientFetch } from "../page/fetching.mjs";

/** Figures by analysis; null where it has no plane. @type {Map<string, Promise<Figure | null>>} */
const known = new Map();

/** @param {string} id */
async function asked(id) {
  const reply = await patientFetch(`/drawings/${id}/thumbnail`);
  return reply.ok ? (await reply.json()).figure : null;
}

/** @param {HTMLElement} place */
async function show(place) {
  const id = String(place.dataset.thumb);
  const figure = await (known.get(id) || known.set(id, asked(id).catch(() => null)).get(id));
  // The row may be another analysis's by now.
  if (!figure || place.dataset.thumb !== id || !place.isConnected) return;
  const [tile] = tilesOf(themed(figure));
  const canvas = place.querySelector("canvas") || place.appendChild(document.createElement("canvas"));
  canvas.setAttribute("aria-hidden", "true");
  paint(canvas, tile);
}

/** @type {IntersectionObserver | null} */
let seen = null;

/** @param {HTMLElement} place */
function whenSeen(place) {
  seen = seen || new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen?.unobserve(target);
      show(/** @type {HTMLElement} */ (target));
    }
  }, { rootMargin: "200px" });
  seen.observe(place);
}

/** The list has come, or was renewed. */
export function showThumbs() {
  for (const place of all(".thumb")) {
    const now = `${place.dataset.thumb} ${document.documentElement.dataset.theme}`;
    if (place.dataset.painted === now) continue;
    place.dataset.painted = now;
    place.replaceChildren();
    if (place.dataset.thumb) whenSeen(place);
  }
}

export function listen() {
  whenResized(showThumbs);
}
