// How each figure of the payload follows what the page shows; the tabs' own need no more than the theme.
import { inPalette } from "../figures/palette.mjs";
import { themed } from "../figures/themed.mjs";
import { boundary } from "./boundary_drawing.mjs";
import { filmstrip } from "./filmstrip_drawing.mjs";
import { gap } from "./gap_drawing.mjs";
import { layerDrawing } from "./layers.mjs";
import { losses } from "./losses_drawing.mjs";
import { spectrum } from "./spectrum_drawing.mjs";
import { state } from "./state.mjs";
import { surface } from "./surface_drawing.mjs";
import { pulls } from "./tokens_drawing.mjs";
import { walk, walked } from "./walk_drawing.mjs";

/** @type {Record<string, (payload: Payload, view: View, width: number) => Figure>} */
const DRAWINGS = {
  boundary, filmstrip, gap, spectrum, surface, walk,
  data: losses, token_pull: pulls, layers: layerDrawing("layers"), blocks: layerDrawing("blocks"),
};

/**
 * One figure of the payload as the page shows it now, or null where it is not there.
 * @param {string} name
 * @param {number} width
 */
export function drawn(name, width) {
  const { payload, view } = state;
  if (!payload?.figures[name]) return null;
  return DRAWINGS[name] ? DRAWINGS[name](payload, view, width) : themed(payload.figures[name]);
}

/** Every step of the chosen vector's walk, as a film has them. @param {number} width @returns {Figure[]} */
export function walkFrames(width) {
  const { payload, view } = state;
  if (!payload?.walk) return [];
  const { epsilon } = payload.walk, steps = epsilon[walked(payload.walk, view)].length;
  return Array.from({ length: steps }, (_, step) => inPalette("light", () => walk(payload, { ...view, step }, width)));
}
