// What the analysis page says in numbers: the curves at λ, counts of eigenvalues, the walk.
import { CURVES, ID } from "../contract.mjs";
import { once } from "../figures/arrays.mjs";
import { byId, element, field } from "../page/dom.mjs";
import { number, thin, typedNumber } from "../page/numbers.mjs";
import { placeOf } from "./counts.mjs";
import { at, endsOf } from "./curves.mjs";
import { walked } from "./walk_drawing.mjs";

export const SLIDER_STEPS = 1000;

/** @param {HTMLElement} out @param {[string, string][]} entries */
function pairs(out, entries) {
  out.replaceChildren(...entries.map(([name, value]) => element("span", "", name + " ", element("b", "", value))));
}

/** @param {[string, string][]} parts */
const inWords = (parts) => parts.map((part) => part.join(" ")).join("; ");

/** @param {View} view @param {Payload} payload */
export function showLambda({ lambda }, { curves }) {
  const slider = field(ID.LAMBDA_SLIDER), out = byId(ID.LAMBDA_READOUT);
  if (!slider || !out || !curves || !lambda) return;
  const [low, high] = endsOf(curves);
  slider.value = String(Math.round((SLIDER_STEPS * (Math.log10(lambda) - low)) / (high - low)));
  /** @type {[string, string][]} */
  const parts = Object.entries(CURVES).map(([name, words]) => [words, number(at(curves, name, lambda))]);
  pairs(out, [["λ", number(lambda)], ...parts]);
  slider.setAttribute("aria-valuetext", `lambda ${number(lambda)}; ${inWords(parts)}`);
}

/** @param {View} view @param {Payload} payload */
export function showThreshold({ threshold }, { counts }) {
  const slider = field(ID.THRESHOLD_SLIDER), out = byId(ID.THRESHOLD_READOUT);
  if (!slider || !out || !counts || !threshold) return;
  const place = placeOf(counts, threshold), error = counts.standard_error[place];
  slider.value = String(place);
  const found = error ? `${number(counts.count[place])} ± ${number(error, 2)}` : thin(Math.round(counts.count[place]));
  pairs(out, [["eigenvalues above", number(threshold)], ["", found]]);
  slider.setAttribute("aria-valuetext", `${found} eigenvalues above ${number(threshold)}`);
}

/** How many known eigenvalues lie between the two fields. @param {Payload} payload */
export function countEigenvalues(payload) {
  const out = byId(ID.COUNT_READOUT);
  if (!out) return;
  /** @type {number[]} */
  const known = once(payload.known) || payload.eigenvalues;
  const low = typedNumber(field(ID.COUNT_LOW)?.value || "", -Infinity);
  const high = typedNumber(field(ID.COUNT_HIGH)?.value || "", Infinity);
  const zeros = payload.zeros || 0, within = known.filter((v) => v >= low && v <= high).length;
  const inside = within + (low <= 0 && high >= 0 ? zeros : 0);
  out.textContent = `${thin(inside)} of ${thin(known.length + zeros)}${zeros ? `, ${thin(zeros)} are zero` : " known"}`;
}

/** @param {Payload} payload @param {number} low @param {number} high */
export function countBetween(payload, low, high) {
  for (const [id, value] of /** @type {const} */ ([[ID.COUNT_LOW, low], [ID.COUNT_HIGH, high]])) {
    const input = field(id);
    if (input) input.value = String(Number(value.toPrecision(3)));
  }
  countEigenvalues(payload);
}

/** @param {View} view @param {Payload} payload */
export function showWalk(view, { walk }) {
  const slider = field(ID.WALK_SLIDER), out = byId(ID.WALK_READOUT), note = byId(ID.WALK_NOTE);
  if (!walk || !slider || !out) return;
  const k = walked(walk, view), steps = walk.epsilon[k].length;
  slider.max = String(steps - 1);
  slider.value = String(view.step);
  const epsilon = view.step === Math.floor(steps / 2) ? 0 : walk.epsilon[k][view.step];
  /** @type {[string, string][]} */
  const parts = [[`ε along v${k + 1}`, number(epsilon)], ["loss", number(walk.loss[k][view.step]) + " nats"]];
  if (walk.accuracy) parts.push(["accuracy", (100 * walk.accuracy[k][view.step]).toFixed(1) + "\u202f%"]);
  pairs(out, parts);
  slider.setAttribute("aria-valuetext", inWords(parts));
  const beyond = `The walk was computed for the first ${walk.epsilon.length} eigenvectors.`;
  if (note) note.textContent = view.vector > k + 1 ? beyond : "";
}
