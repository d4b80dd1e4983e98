// The one way a figure gets onto the page; `first_paint.js` asks for Plotly.
window.minimascope = window.minimascope || {};
(function (ms) {
  const CONFIG = { displayModeBar: false, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", doubleClick: "reset" };

  // What a click, a brush in each plot does: set by the page that has the plot.
  ms.clicks = {};
  ms.brushes = {};

  function listen(name, graph) {
    if (graph.dataset.heard) return;
    graph.dataset.heard = "yes";
    graph.on("plotly_click", (event) => ms.clicks[name] && event.points[0] && ms.clicks[name](event.points[0]));
    graph.on("plotly_selected", (event) => ms.brushes[name] && event && event.range && ms.brushes[name](event.range));
  }

  // The page's frame is React's; Plotly draws in an element of its own inside it.
  function inside(place) {
    if (!place.firstElementChild) place.append(document.createElement("div"));
    return place.firstElementChild;
  }

  // Draws or redraws at the size the page has: one pass, no size left for Plotly to find out.
  // False where the place has gone, or is hidden, meanwhile.
  ms.show = async function (name, figure) {
    const place = document.getElementById(name);
    const plotly = await ms.plotly();
    if (!place || !place.isConnected || !place.clientWidth) return false;
    ms.fitted(name, figure);
    const layout = { ...figure.layout, autosize: false, width: place.clientWidth, height: figure.layout.height || place.clientHeight };
    const graph = inside(place);
    await plotly.react(graph, figure.data, layout, CONFIG);
    listen(name, graph);
    return true;
  };

  // Pages set what is to be drawn again when the window's width or the theme changes.
  ms.redraws = {};
  let width = window.innerWidth, timer = null;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    clearTimeout(timer);
    timer = setTimeout(() => { width = window.innerWidth; ms.again(); }, 120);
  });
  ms.again = () => { for (const redraw of Object.values(ms.redraws)) redraw(); };
})(window.minimascope);
