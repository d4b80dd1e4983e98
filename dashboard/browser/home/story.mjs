// Two minima of one data set and a slider between: boundary, losses and the sentence follow it.
import { ID } from "../contract.mjs";
import { all, byId, element, field, messageOf, one } from "../page/dom.mjs";
import { whenResized } from "../figures/redraw.mjs";
import { between } from "./network.mjs";
import { drawCurve } from "./story_curve.mjs";
import { drawPlane } from "./story_map.mjs";

const SOURCE = "/assets/story.json";
const NEAR = 0.02, WALL = 0.2; // share of the line that is its end; nats above both ends
const WALK_MILLISECONDS = 4500;

/**
 * @typedef {{ name: string, gap: number, error: number, n90: number }} End
 * @typedef {{ ends: End[], layers: import("./network.mjs").Layers[], train: number[], test: number[], right: number[], points: number[][], labels: number[], x: number[], y: number[] }} Story
 */

/** @type {Promise<Story> | null} */
let loading = null;
/** @type {Story | null} */
let told = null;
let stop = 0, walking = 0;

/** @param {number} value */
const nats = (value) => value.toPrecision(2);

/** @param {Story} story @param {number} at @returns {[string, string]} what is said first, and the rest */
export function sentence({ ends, train, test, right }, at) {
  const last = train.length - 1, alpha = at / last, share = `${(100 * right[at]).toFixed(0)}\u202f%`;
  const [a, b] = ends;
  if (alpha <= NEAR) return ["A generalizes.", ` Its test loss is ${nats(a.gap)} nats above its training loss; its boundary needs ${a.n90} directions.`];
  if (alpha >= 1 - NEAR) return ["B does not.", ` It fits the training set better, and its test loss is ${b.gap.toFixed(1)} nats above: ${(b.gap / a.gap).toFixed(0)} times the gap. Its boundary needs ${b.n90} directions.`];
  const where = ` At α = ${alpha.toFixed(2)}`;
  if (train[at] > Math.max(train[0], train[last]) + WALL) return ["A wall stands between them.", `${where} the training loss is ${nats(train[at])} nats, and ${share} of the test set are right.`];
  return ["On the way", ` from A to B,${where.toLowerCase().replace("α", "α")}: training loss ${nats(train[at])}, test loss ${nats(test[at])} nats, ${share} of the test set right.`];
}

function draw() {
  if (!told || !byId(ID.STORY)) return;
  const [first, rest] = sentence(told, stop), alpha = stop / (told.train.length - 1);
  byId(ID.STORY_SAID)?.replaceChildren(element("b", "", first), rest);
  drawCurve(one(".story-curve"), told, stop);
  drawPlane(one(".story-map"), told, between(told.layers[0], told.layers[1], alpha));
  const slider = field(ID.STORY_SLIDER);
  if (!slider) return;
  if (Number(slider.value) !== stop) slider.value = String(stop);
  slider.setAttribute("aria-valuetext", `alpha ${alpha.toFixed(2)}. ${first}${rest}`);
  slider.setAttribute("aria-label", "Place on the line from A to B");
}

/** @param {number} at */
function show(at) {
  stop = at;
  requestAnimationFrame(draw);
}

/** From one end to the other; who wants less motion is there at once. */
function walk() {
  if (!told) return;
  const last = told.train.length - 1, turn = (walking += 1), begun = performance.now();
  const from = stop === last ? 0 : stop;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return show(last);
  const step = (/** @type {number} */ now) => {
    const done = Math.min((now - begun) / (WALK_MILLISECONDS * (1 - from / last)), 1);
    if (turn !== walking || !byId(ID.STORY)) return;
    show(Math.round(from + (last - from) * done));
    if (done < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

/** Home is shown. */
export async function begin() {
  try {
    loading = loading || fetch(SOURCE).then((reply) => reply.json());
    told = await loading;
  } catch (error) {
    loading = null;
    const said = byId(ID.STORY_SAID);
    if (said) said.textContent = messageOf(error);
    return;
  }
  all(".story-end").forEach((place, end) => (place.textContent = told ? told.ends[end].name : ""));
  show(Number(field(ID.STORY_SLIDER)?.value || 0));
}

export function listen() {
  document.addEventListener("input", (event) => {
    if (!(event.target instanceof HTMLInputElement) || event.target.id !== ID.STORY_SLIDER) return;
    walking += 1;
    show(Number(event.target.value));
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest(`#${ID.STORY_WALK}`)) walk();
  });
  whenResized(() => requestAnimationFrame(draw));
}
