// The gap over λ: the chosen λ and the estimates there.
import { CURVES } from "../contract.mjs";
import { colour } from "../figures/palette.mjs";
import { themed } from "../figures/themed.mjs";
import { at } from "./curves.mjs";

/** @param {Payload} payload @param {View} view */
export function gap(payload, view) {
  const figure = themed(payload.figures.gap), { curves } = payload, { lambda } = view, red = colour("red");
  if (!curves || !lambda) return figure;
  const names = Object.keys(CURVES);
  figure.data.push({
    type: "scatter", mode: "markers", name: "at the chosen λ", showlegend: false, hoverinfo: "skip",
    x: names.map(() => lambda), y: names.map((name) => at(curves, name, lambda)),
    marker: { size: 7, color: colour("page"), line: { width: 2, color: red } },
  });
  figure.layout.shapes = [{ type: "line", xref: "x", yref: "paper", x0: lambda, x1: lambda, y0: 0, y1: 1, line: { color: red, width: 1 } }];
  if (view.linear) {
    const axis = { ...figure.layout.yaxis, type: "linear", rangemode: "tozero", autorange: true };
    delete axis.tickvals;
    delete axis.ticktext;
    figure.layout.yaxis = axis;
  }
  return figure;
}
