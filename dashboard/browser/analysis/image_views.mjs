// Images where examples are images: under the pointer, and the boundary's own input of each vector.
import { ID, ROLE } from "../contract.mjs";
import { hovers } from "../figures/pictures.mjs";
import { imageCanvas, imageOf } from "../figures/pixels.mjs";
import { is } from "../figures/roles.mjs";
import { byId, element, idOf, one } from "../page/dom.mjs";
import { state } from "./state.mjs";

const HOVERED = 84, CROSSING = 60; // CSS pixels

/** @param {string} plot @param {{ data: Trace, customdata?: any } | null} point what is under the pointer */
function showUnder(plot, point) {
  const frame = byId(idOf("frame", plot));
  one(".hovered-image", frame || undefined)?.remove();
  if (!frame || !point || !point.customdata || !is(point.data, ROLE.POINTS)) return;
  const image = imageOf(state.payload?.images, point.customdata[0], HOVERED);
  if (image) frame.append(element("div", "hovered-image", image));
}

/** One image a vector: the input on the boundary whose gradient is the most parallel to it. @param {View} view @param {Payload} payload */
export function showCrossings(view, { images }) {
  const place = byId(ID.CROSSINGS);
  if (!place || !images?.crossings) return;
  place.hidden = false;
  const key = `${state.arrival} ${view.vector}`;
  if (place.dataset.shown === key) return;
  place.dataset.shown = key;
  const known = images.known || [];
  one(".crossing-images", place)?.replaceChildren(...known.flatMap((there, k) => {
    if (!there) return [];
    const button = element("button", "crossing", imageCanvas(/** @type {Packed} */ (images.crossings), k, CROSSING), element("span", "", "v", element("sub", "", String(k + 1))));
    button.dataset.vector = String(k + 1);
    button.setAttribute("aria-pressed", String(view.vector === k + 1));
    return [button];
  }));
}

export function listen() {
  for (const plot of [ID.BOUNDARY, ID.DETAIL]) hovers[plot] = (point) => showUnder(plot, point);
}
