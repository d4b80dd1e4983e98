// What is known before any curvature, on the job's page: regions, losses, the examples that surprise.
import { ID } from "../contract.mjs";
import { paint } from "../figures/paint.mjs";
import { imageCanvas } from "../figures/pixels.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { themed } from "../figures/themed.mjs";
import { tilesOf } from "../figures/tiles.mjs";
import { byId, element, heading, one } from "../page/dom.mjs";
import { measured, thin } from "../page/numbers.mjs";

const LARGE = 56; // CSS pixels of an example's image

/**
 * @typedef {{ row: number, loss: number, label: string, predicted: string, image: Packed | null }} Odd
 * @typedef {{ name: string, n: number, loss: number, accuracy: number | null, total: number | null, loss_error: number | null }} Split
 * @typedef {{ splits: Split[], unit: string, planned: Record<string, number>, intake: number, figure: Figure | null, classes: [string, number, number | null, number][], odd: Odd[] }} Look
 */

/** @type {{ job: string, look: Look } | null} */
let known = null;
/** The job that is followed, and when it was last asked for. */
let asking = "", asked = 0;

// Milliseconds between two questions: for what is not there yet, and for what is there in part.
const OFTEN = 250, SELDOM = 1500;

/** @param {number | null} share */
const percent = (share) => (share === null ? "" : `${(100 * share).toFixed(1)}\u202f%`);

/** @param {Split} split @param {string} unit */
function splitSaid({ name, n, loss, accuracy, total, loss_error: error }, unit) {
  const begun = `${name} loss ${measured(loss)}${error ? ` ± ${measured(error)}` : ""}`;
  const right = accuracy === null ? "" : `, ${percent(accuracy)}${unit === "sequences" ? " of tokens" : ""} right`;
  return `${begun}${right} on ${thin(n)}${total ? ` of ${thin(total)}` : ""} ${unit}`;
}

/** @param {Pick<Look, "splits" | "unit">} look */
export const splitWords = ({ splits, unit }) =>
  `The files fit: ${splits.map((each) => splitSaid(each, unit)).join("; ")}.`;

/** @param {Look} look */
function classes({ classes: rows }) {
  if (rows.length < 2) return null;
  const head = element("tr", "", ...["Class", "Examples", "Mean loss", "Right"].map((words) => heading(words)));
  const body = rows.map(([name, n, loss, right]) =>
    element("tr", "", heading(name, "row"), ...[thin(n), measured(loss), percent(right)].map((each) => element("td", "", each))));
  const table = element("table", "", element("thead", "", head), element("tbody", "", ...body));
  table.createCaption().textContent = "By class, the highest loss first";
  return element("div", "table-scroll", table);
}

/** @param {Odd} each */
function oddItem({ row, loss, label, predicted, image }) {
  const words = label === predicted ? label : `${label}, taken for ${predicted}`;
  return element("li", "", image ? imageCanvas(image, null, LARGE) : null, element("span", "", words), element("small", "muted", `example ${row}, loss ${measured(loss)}`));
}

/** @param {Look} look */
function odd({ odd: rows }) {
  if (!rows.length) return null;
  const list = element("ul", rows[0].image ? "odd pictured" : "odd", ...rows.map(oddItem));
  return element("div", "odds", element("h2", "", "The examples that surprise it most"), list);
}

/** @param {Look} look */
function map({ figure }) {
  if (!figure) return null;
  const place = element("div", "look-map");
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", "Decision regions of the network with the training examples.");
  return place;
}

/** @param {Look} look */
function drawMap({ figure }) {
  const place = one(`#${ID.FIRST_LOOK} .look-map`);
  if (!place || !figure) return;
  const canvas = place.querySelector("canvas") || place.appendChild(document.createElement("canvas"));
  paint(canvas, tilesOf(themed(figure))[0]);
}

function draw() {
  const place = byId(ID.FIRST_LOOK);
  if (!place || !known || asking !== known.job) return;
  const { look } = known;
  if (!one(".look-said", place)) {
    const words = element("div", "", element("p", "look-said", splitWords(look)), classes(look));
    place.replaceChildren(...[map(look), words, odd(look)].filter((each) => each !== null));
  }
  drawMap(look);
}

/** Seconds that were foreseen for each stage, once they are known. @param {string} job @returns {Record<string, number>} */
export const planned = (job) => (known?.job === job ? known.look.planned : {});

/** Seconds that the files took before the first stage. @param {string} job */
export const intakeOf = (job) => (known?.job === job ? known.look.intake : 0);

/** Asks until all of it is there; called whenever something of the job is heard. @param {string} job */
export async function lookAt(job) {
  asking = job;
  draw();
  const every = known?.job === job ? SELDOM : OFTEN;
  if (Object.keys(planned(job)).length || Date.now() - asked < every) return;
  asked = Date.now();
  const reply = await fetch(`/drawings/${job}/first-look`).catch(() => null);
  const look = reply?.ok ? await reply.json() : null;
  if (!look || asking !== job) return;
  known = { job, look };
  one(`#${ID.FIRST_LOOK} .look-said`)?.remove(); // all of it is built again
  draw();
}

export function listen() {
  whenResized(() => requestAnimationFrame(draw));
}
