// The spectrum of one weight of the checkpoint that was dropped.
import { ID } from "../contract.mjs";
import { pictures } from "../figures/pictures.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { show, widthOf } from "../figures/show.mjs";
import { themed } from "../figures/themed.mjs";
import { onPage } from "../page/dom.mjs";
import { pause } from "../page/fetching.mjs";

const WIDTH = 780;

/** @type {Figure | null} */
let drawn = null;

async function draw() {
  await pause(); // the frame may just have been uncovered
  const figure = pictures[ID.WEIGHTS](widthOf(ID.WEIGHTS, WIDTH));
  if (figure) await show(ID.WEIGHTS, figure);
}

/** @param {Figure | null} figure */
export function weightsDrawn(figure) {
  drawn = figure;
  draw();
}

export function listen() {
  pictures[ID.WEIGHTS] = () => (drawn ? themed(drawn) : null);
  whenResized(() => onPage("upload") && draw());
}
