// SVG and PNG at paper widths, with their origin inside.
import { ID } from "../contract.mjs";
import { inPalette } from "../figures/palette.mjs";
import { pictures } from "../figures/pictures.mjs";
import { plotly } from "../figures/plotly.mjs";
import { byId } from "../page/dom.mjs";
import { labelled } from "./png.mjs";

export const INCH = 96; // CSS pixels
const DPI = 300;
const LEAST = 0.62, MOST = 1.1; // height over width

/**
 * The plot as it is now, in the light palette, laid out for `inches` of paper.
 * @param {string} plot
 * @param {number} inches
 * @param {Picture} [picture]
 * @returns {Figure | null}
 */
export function figureFor(plot, inches, picture = pictures[plot]) {
  const width = Math.round(inches * INCH), shown = byId(plot);
  const figure = inPalette("light", () => picture(width));
  if (!figure) return null;
  const shape = shown?.clientWidth ? shown.clientHeight / shown.clientWidth : LEAST;
  const fallback = Math.round(width * Math.min(Math.max(shape, LEAST), MOST));
  const own = plot !== ID.SPECTRUM && plot !== ID.GAP && figure.layout.height;
  return { data: figure.data, layout: { ...figure.layout, autosize: false, width, height: own ? Math.round(own) : fallback } };
}

/** @param {Figure} figure @param {string} format @param {number} scale */
export async function uriOf(figure, format, scale) {
  const { width, height } = figure.layout, library = await plotly();
  return library.toImage(figure, { format, width, height, scale });
}

/** @param {Figure} figure @param {string} format @param {number} scale */
async function image(figure, format, scale) {
  const uri = await uriOf(figure, format, scale);
  return uri.slice(uri.indexOf(",") + 1);
}

/** @param {Figure} figure @param {Record<string, any>} about */
export async function svgOf(figure, about) {
  const { width, height } = figure.layout, said = JSON.stringify(about).replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return decodeURIComponent(await image(figure, "svg", 1))
    .replace(/width="[\d.]+" height="[\d.]+"/, `width="${width / INCH}in" height="${height / INCH}in"`)
    .replace(/(<svg[^>]*>)/, (svg) => `${svg}<metadata>${said}</metadata>`);
}

/** @param {Figure} figure @param {Record<string, any>} about */
export async function pngOf(figure, about) {
  const png = atob(await image(figure, "png", DPI / INCH));
  return labelled(Uint8Array.from(png, (c) => c.charCodeAt(0)), DPI, about);
}
