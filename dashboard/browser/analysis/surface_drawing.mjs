// The loss surface: training and test side by side, or one above the other.
import { themed } from "../figures/themed.mjs";

const NARROW = 560;

/** @param {Layout} layout */
function stacked(layout) {
  layout.height = 720;
  layout.xaxis = { ...layout.xaxis, domain: [0, 1] };
  if (!layout.xaxis2) return;
  layout.yaxis = { ...layout.yaxis, domain: [0.56, 1] };
  layout.yaxis2 = { ...layout.yaxis2, domain: [0, 0.44], showticklabels: true };
  layout.xaxis2 = { ...layout.xaxis2, domain: [0, 1] };
}

/** @type {(payload: Payload, view: View, width: number) => Figure} */
export function surface(payload, _, width) {
  const figure = themed(payload.figures.surface);
  if (width < NARROW) stacked(figure.layout);
  return figure;
}
