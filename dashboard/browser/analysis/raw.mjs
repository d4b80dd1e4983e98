// The raw report is fetched when its tab is first opened.
import { one } from "../page/dom.mjs";

/** @param {View} view @param {Payload} payload */
export async function showRaw(view, { about }) {
  const place = one(".raw");
  if (!place || view.view !== "raw" || place.dataset.of === about.id) return;
  place.dataset.of = about.id;
  const reply = await fetch(`/api/v1/analyses/${about.id}/report`);
  place.textContent = reply.ok ? JSON.stringify(await reply.json(), null, 2) : `The report could not be read (${reply.status}).`;
}
