// An analysis is run again: what was asked for then fills the fields.
import { FORM, ID, QUICK } from "../contract.mjs";
import { idOfField, typed } from "./proposing.mjs";

/** Parameters that a field has under another name. @type {Record<string, string>} */
const FIELD = { spectrum_examples: "up-examples" };

/** The choice of time that these are. @param {{ seconds?: number | null, seconds_at_most?: number | null }} parameters */
function budgetOf({ seconds, seconds_at_most }) {
  if (seconds) return seconds === QUICK ? "quick" : "other";
  return seconds_at_most ? "normal" : "everything";
}

/** @param {Record<string, any> | null} architecture */
function architectureOf(architecture) {
  if (!architecture) return { [ID.UP_FAMILY]: "file" };
  const { family, activation } = architecture;
  if (family === "mlp") return { [ID.UP_FAMILY]: family, [ID.UP_ACTIVATION]: activation };
  return { [ID.UP_FAMILY]: family, [ID.UP_SEQUENTIAL]: JSON.stringify(architecture) };
}

/** Values of fields by id. @param {Record<string, any>} parameters */
export function fieldsOf(parameters) {
  const { architecture, stages, ...others } = parameters;
  /** @type {Record<string, any>} */
  const fields = { ...architectureOf(architecture), [ID.UP_BUDGET]: budgetOf(parameters), [ID.UP_STAGES]: stages };
  for (const [name, value] of Object.entries(others)) {
    const id = FIELD[name] || idOfField(name), said = value === null ? "" : typed(value);
    if (said && /** @type {readonly string[]} */ (FORM).includes(id)) fields[id] = said;
  }
  return fields;
}

/** The analysis that the address names is forgotten there: what it said is kept as if it were typed. */
export function forget() {
  const url = new URL(location.href);
  url.searchParams.delete("again");
  history.replaceState(history.state, "", url);
}

/** What was asked for in the analysis that the address names; nothing without one. */
export async function again() {
  const id = new URLSearchParams(location.search).get("again");
  if (!id) return null;
  const reply = await fetch(`/api/v1/analyses/${encodeURIComponent(id)}`).catch(() => null);
  return reply?.ok ? fieldsOf((await reply.json()).parameters) : null;
}
