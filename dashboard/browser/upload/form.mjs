// The form of a new analysis: fields of the chosen family, a candidate taken from the table.
import { ID } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { one } from "../page/dom.mjs";

/** Where a checkpoint dropped on the list leads. @param {Upload | null} upload */
export const nextStep = (upload) => (upload && location.pathname === "/" ? `/upload?checkpoint=${upload.id}` : undefined);

/** Classes of the fields of activation, layers and candidates. @param {string} family */
export const familyFields = (family) =>
  [family === "mlp", family === "sequential", family !== "file"].map((shown) => (shown ? "field wide" : "field wide gone"));

/** @param {string} group @param {string} value */
const press = (group, value) => one(`[data-choice='${group}'] [data-value='${value}']`)?.click();

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
