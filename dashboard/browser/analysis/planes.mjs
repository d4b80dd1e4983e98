// The planes of the page: that of the report, embeddings, those a worker has computed meanwhile.
import { EMBEDDING, ID, PLANE_KEY } from "../contract.mjs";
import { byId } from "../page/dom.mjs";

const KEY = new RegExp(`^(?:${PLANE_KEY})$`);

/** Points without a plane, in words. @type {Record<string, string>} */
export const EMBEDDINGS = {
  pca: "All training points in the first two principal directions.",
  tsne: "All training points by t-SNE: neighbours are near each other, other distances mean nothing.",
};

/** Planes that were asked for, by key. @type {Record<string, Plane>} */
export const planes = {};

/** Whether a text names a plane that a worker computes. @param {string} key */
export const isPlane = (key) => KEY.test(key);

/** @param {Payload} payload @param {string} key @returns {Figure | null} */
export const embedded = (payload, key) => (EMBEDDINGS[key] && payload.figures[EMBEDDING + key]) || null;

/** The plane an address asks for, or "" for that of the report. @param {URLSearchParams} query @param {Payload} payload */
export function planeOf(query, payload) {
  const key = query.get("plane") || "";
  if (!byId(ID.PLANE_MENU)) return "";
  return isPlane(key) || embedded(payload, key) ? key : "";
}

/**
 * The payload with the figures of the chosen plane in place of the report's.
 * @param {Payload} payload
 * @param {View} view
 * @returns {Payload}
 */
export function onPlane(payload, view) {
  const scatter = embedded(payload, view.plane);
  if (scatter) {
    const points = view.plane === "tsne" ? payload.embedding : payload.points;
    return { ...payload, plane: false, points, figures: { ...payload.figures, boundary: scatter } };
  }
  const found = planes[view.plane];
  if (!found || found.problem) return payload;
  return { ...payload, points: found.points || null, figures: { ...payload.figures, ...found.figures } };
}
