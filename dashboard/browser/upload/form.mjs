// The form of a new analysis: fields of the chosen family, a candidate taken from the table.
import { BUDGETS, FORM, ID, OPTIMIZERS, TOLD } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { one } from "../page/dom.mjs";
import { ZONES } from "./addresses.mjs";
import { keep } from "./kept.mjs";

/** Where a checkpoint dropped on the list leads. @param {Upload | null} upload */
export const nextStep = (upload) => (upload && location.pathname === "/" ? `/upload?checkpoint=${upload.id}` : undefined);

/** Classes of the fields of activation, layers and candidates. @param {string} family */
export const familyFields = (family) =>
  [family === "mlp", family === "sequential", family !== "file"].map((shown) => (shown ? "field wide" : "field wide gone"));

/**
 * Classes of the fields that count for a loss and an optimiser, that of the optimiser's state, and
 * what is said of the optimiser.
 * @param {string} loss @param {string} optimizer
 */
export function toldFields(loss, optimizer) {
  const fields = /** @type {readonly (readonly (readonly string[] | null)[])[]} */ (Object.values(TOLD));
  const shown = fields.map(([losses, optimizers]) =>
    (!losses || losses.includes(loss)) && (!optimizers || optimizers.includes(optimizer)));
  const about = /** @type {Record<string, string>} */ (OPTIMIZERS)[optimizer];
  const state = ["adam", "adamw"].includes(optimizer) || optimizer === "" ? "field wide" : "field wide gone";
  return [...shown.map((each) => (each ? "field" : "field gone")), state, about];
}

/** Class of the field of seconds, and what a budget means. @param {keyof typeof BUDGETS} budget */
export const budgetField = (budget) => [budget === "other" ? "field" : "field gone", BUDGETS[budget]];

/** @param {string} group @param {string} value */
export const press = (group, value) => one(`[data-choice='${group}'] [data-value='${value}']`)?.click();

/**
 * A row of the table of candidates fills the fields above as a person would.
 * @param {string} place
 * @param {{ family: string, activation?: string }[] | null} candidates
 */
export function candidateChosen(place, candidates) {
  const chosen = candidates && place !== "" && candidates[Number(place)];
  if (!chosen) return;
  press(ID.UP_FAMILY, chosen.family);
  if (chosen.family === "mlp") press(ID.UP_ACTIVATION, String(chosen.activation));
  else setProps(ID.UP_SEQUENTIAL, { value: JSON.stringify(chosen) });
}

/** Something has changed: it is kept, and what was refused is refused no longer. @param {any[]} told what zones hold, then the fields */
export function formChanged(...told) {
  keep(Object.fromEntries(FORM.map((id, place) => [id, told[ZONES.length + place]])));
  return "";
}
