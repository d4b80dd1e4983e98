// The filmstrip as a figure, for exports; on the page its tiles are painted (filmstrip.mjs).
import { ROLE } from "../contract.mjs";
import { colour } from "../figures/palette.mjs";
import { first } from "../figures/roles.mjs";
import { arranged, suffixOf } from "../figures/strip.mjs";
import { themed } from "../figures/themed.mjs";
import { onPlane } from "./planes.mjs";

/** @param {Payload} payload @param {View} view @param {number} width */
export function filmstrip(payload, view, width) {
  const figure = arranged(themed(onPlane(payload, view).figures.filmstrip), width), { layout } = figure;
  const suffix = suffixOf(view.vector), red = colour("red");
  layout.annotations = layout.annotations.map((/** @type {Layout} */ note, /** @type {number} */ tile) =>
    tile === view.vector ? { ...note, text: `<b>${note.text}</b>`, font: { ...note.font, color: red } } : note);
  const [across, down] = [layout["xaxis" + suffix].domain, layout["yaxis" + suffix].domain];
  layout.shapes = [{ type: "rect", xref: "paper", yref: "paper", x0: across[0], x1: across[1], y0: down[0], y1: down[1], line: { color: red, width: 2.5 } }];
  const heat = first(figure, ROLE.ALIGNMENT, view.vector);
  if (heat) heat.reversescale = view.flip;
  return figure;
}
