// The page of a run: its figures take the page's theme; the film follows a slider.
import { ID } from "../contract.mjs";
import { pictures } from "../figures/pictures.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { show, widthOf } from "../figures/show.mjs";
import { themed } from "../figures/themed.mjs";
import { byId, onPage } from "../page/dom.mjs";

const WIDTH = 1200; // where a plot has none

/** @typedef {{ figures: (Figure | null)[], said: string }} Film */

/** @type {Figure | null} */
let measures = null;
/** @type {Film | null} */
let film = null;

/** Names of the pictures of the film, of the first run and of the second. */
const FILMS = [ID.FILM, ID.FILM_AGAINST];

/** @param {string[]} names */
async function draw(names) {
  for (const name of names) {
    const figure = pictures[name](widthOf(name, WIDTH));
    if (figure) await show(name, figure);
  }
}

/** @param {Figure | null} data */
export function runDrawn(data) {
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

export function listen() {
  pictures[ID.RUN_MEASURES] = () => (measures ? themed(measures) : null);
  FILMS.forEach((name, place) => {
    pictures[name] = () => {
      const figure = film?.figures[place];
      return figure ? themed(figure) : null;
    };
  });
  whenResized(() => {
    if (onPage("run")) draw([ID.RUN_MEASURES, ...FILMS]);
  });
}
