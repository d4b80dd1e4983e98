// The page of a run: its figures take the page's theme; the film follows a slider.
import { ID } from "../contract.mjs";
import { inPalette } from "../figures/palette.mjs";
import { films, pictures } from "../figures/pictures.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { show, widthOf } from "../figures/show.mjs";
import { themed } from "../figures/themed.mjs";
import { byId, onPage } from "../page/dom.mjs";
import { thin } from "../page/numbers.mjs";

const WIDTH = 1200; // where a plot has none

/** @typedef {{ figures: (Figure | null)[], said: string }} Film */

/** @type {Figure | null} */
let measures = null;
/** @type {Film | null} */
let film = null;

/** Of the runs on the page. @type {string[]} */
let shown = [];

/** Names of the pictures of the film, of the first run and of the second. */
const FILMS = [ID.FILM, ID.FILM_AGAINST];

/** @param {string[]} names */
async function draw(names) {
  for (const name of names) {
    const figure = pictures[name](widthOf(name, WIDTH));
    if (figure) await show(name, figure);
  }
}

/** @param {Figure | null} data @param {string[]} given names of the runs */
export function runDrawn(data, given) {
  shown = given || [];
  measures = data;
  draw([ID.RUN_MEASURES]);
}

/** @param {Film | null} data */
export function filmDrawn(data) {
  film = data;
  if (!data) return;
  byId(ID.FILM_SLIDER)?.setAttribute("aria-valuetext", data.said);
  draw(FILMS);
}

/** Every picture of a run, each with its step above it. @param {string} name */
async function framesOf(name) {
  const reply = await fetch(`/drawings/runs/film?name=${encodeURIComponent(name)}`), found = await reply.json();
  if (!reply.ok) throw new Error(found.sentence || "The pictures of this run could not be read");
  return found.map((/** @type {{ step: number, figure: Figure }} */ { step, figure }) => inPalette("light", () => titled(themed(figure), step)));
}

/** @param {Figure} figure @param {number} step */
export function titled({ data, layout }, step) {
  const title = { text: `step ${thin(step)}`, xref: "paper", yref: "paper", x: 1, y: 1, xanchor: "right", yanchor: "bottom", showarrow: false };
  return { data, layout: { ...layout, annotations: [...(layout.annotations || []), title] } };
}

export function listen() {
  pictures[ID.RUN_MEASURES] = () => (measures ? themed(measures) : null);
  FILMS.forEach((name, place) => {
    pictures[name] = () => {
      const figure = film?.figures[place];
      return figure ? themed(figure) : null;
    };
    films[name] = () => framesOf(shown[place]);
  });
  whenResized(() => {
    if (onPage("run")) draw([ID.RUN_MEASURES, ...FILMS]);
  });
}
