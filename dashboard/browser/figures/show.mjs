// The one way a figure gets onto the page.
import { byId, idOf } from "../page/dom.mjs";
import { brushes, clicks, hovers } from "./pictures.mjs";
import { plotly } from "./plotly.mjs";

const CONFIG = { displayModeBar: false, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", doubleClick: "reset" };

/** @param {string} name @param {PlotlyGraph} graph */
function listen(name, graph) {
  if (graph.dataset.heard) return;
  graph.dataset.heard = "yes";
  graph.on("plotly_click", (event) => clicks[name] && event.points[0] && clicks[name](event.points[0]));
  graph.on("plotly_hover", (event) => hovers[name]?.(event.points[0] || null));
  graph.on("plotly_unhover", () => hovers[name]?.(null));
  graph.on("plotly_selected", (event) => brushes[name] && event?.range && brushes[name](event.range));
}

// The page's frame is React's; Plotly draws in an element of its own inside it.
/** @param {HTMLElement} place */
function inside(place) {
  if (!place.firstElementChild) place.append(document.createElement("div"));
  return /** @type {HTMLElement} */ (place.firstElementChild);
}

/** The frame takes the height its figure asks for; the figure then fills the frame. @param {string} name @param {Figure} figure */
function fit(name, figure) {
  const frame = byId(idOf("frame", name));
  if (frame && figure.layout.height) frame.style.height = figure.layout.height + "px";
}

/** @param {string} name @param {number} fallback */
export const widthOf = (name, fallback) => byId(name)?.clientWidth || fallback;

/**
 * Draws or redraws at the size the page has: one pass, no size left for Plotly to find out.
 * False where the place has gone, or is hidden, meanwhile.
 * @param {string} name
 * @param {Figure} figure
 */
export async function show(name, figure) {
  const place = byId(name), library = await plotly();
  if (!place || !place.isConnected || !place.clientWidth) return false;
  fit(name, figure);
  const layout = { ...figure.layout, autosize: false, width: place.clientWidth, height: figure.layout.height || place.clientHeight };
  const graph = inside(place);
  await library.react(graph, figure.data, layout, CONFIG);
  listen(name, /** @type {PlotlyGraph} */ (graph));
  return true;
}
