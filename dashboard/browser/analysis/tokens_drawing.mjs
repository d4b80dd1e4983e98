// Tokens by their pull on the chosen eigenvector; along how many there is one is for the report to say.
import { themed } from "../figures/themed.mjs";

/** @param {Payload} payload @param {View} view */
export function pulls(payload, view) {
  const figure = themed(payload.figures.token_pull), chosen = Math.min(view.vector, figure.data.length);
  for (const trace of figure.data) trace.visible = trace.meta.vector === chosen;
  return figure;
}
