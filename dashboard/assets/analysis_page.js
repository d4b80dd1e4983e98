// Clientside callbacks of the analysis page: each picture is redrawn when what it shows changes.
window.dash_clientside = window.dash_clientside || {};
(function (ms) {
  const none = () => window.dash_clientside.no_update;
  const drawing = ms.drawing;
  const KEYS = {
    boundary: ["vector", "margins", "flip", "points", "plane", "field", "colour"],
    spectrum: ["vector", "log"],
    gap: ["lambda", "linear"],
    filmstrip: ["vector", "flip", "plane"],
    detail: ["view", "vector", "step"],
  };
  const LABELS = {
    overlaps: "Alignment of every training point with each eigenvector, with class means.",
    coherence: "Cosines between the gradients of pairs of training points, sorted by class.",
    walk: "Decision boundary, training loss and accuracy on a walk along the eigenvector.",
    complexity: "Share of eigenvectors aligned above epsilon, over epsilon.",
    margins: "Histogram of the distances of training points to the decision boundary.",
    calibration: "Accuracy against confidence, on training and leave-one-out predictions.",
    layers: "Share of each eigenvector in each layer.",
  };

  drawing.filmstrip = function (payload, view, width) {
    const figure = ms.arranged(ms.themed(ms.onPlane(payload, view).figures.filmstrip), width);
    const suffix = String(view.vector + 1), red = ms.colour("red");
    figure.layout.annotations = figure.layout.annotations.map((note, tile) =>
      tile === view.vector ? { ...note, text: `<b>${note.text}</b>`, font: { ...note.font, color: red } } : note);
    const [across, down] = [figure.layout["xaxis" + suffix].domain, figure.layout["yaxis" + suffix].domain];
    figure.layout.shapes = [{ type: "rect", xref: "paper", yref: "paper", x0: across[0], x1: across[1], y0: down[0], y1: down[1], line: { color: red, width: 2.5 } }];
    for (const trace of figure.data) if (trace.type === "heatmap" && trace.name === `alignment with v${view.vector}`) trace.reversescale = view.flip;
    return figure;
  };

  // Draws one figure of the payload by its name; the tabs' own need no more than the theme.
  ms.drawn = function (name, width) {
    const { payload, view } = ms.state;
    return (drawing[name] || ((p) => ms.themed(p.figures[name])))(payload, view, width);
  };

  // What a plot shows right now, by the key its figure carries. What was returned to Dash proves
  // nothing: it drops a result when the same callback has been asked for again meanwhile.
  function shown(name) {
    const plot = document.querySelector(`#${name} .js-plotly-plot`);
    return plot && plot.layout && plot.layout.meta ? plot.layout.meta.key : undefined;
  }

  // Redraws only when something this picture depends on has changed.
  function draw(name, payload, view, theme, make) {
    if (!payload || !view || view.vector === undefined || payload !== ms.state.payload) return none();
    const key = JSON.stringify([ms.state.arrival, theme, document.documentElement.dataset.theme, ...KEYS[name].map((k) => view[k])]);
    if (shown(name) === key) return none();
    const figure = make();
    if (!figure) return none();
    figure.layout.meta = { ...figure.layout.meta, key };
    return ms.fitted(name, figure);
  }

  function picture(name) {
    ms.pictures[name] = (width) => (ms.state.payload.figures[name] ? ms.drawn(name, width) : null);
    return (payload, view, theme) => draw(name, payload, view, theme, () => payload.figures[name] && ms.drawn(name, ms.widthOf(name, 740)));
  }

  ms.pictures.detail = (width) => (LABELS[ms.state.view.view] && ms.state.payload.figures[ms.state.view.view] ? ms.drawn(ms.state.view.view, width) : null);

  function detail(payload, view, theme) {
    const place = document.querySelector(".detail");
    return draw("detail", payload, view, theme, () => {
      const figure = ms.pictures.detail(ms.widthOf("detail", 740));
      if (place) place.classList.toggle("no-figure", !figure);
      if (figure) document.getElementById("detail-frame").setAttribute("aria-label", LABELS[view.view]);
      return figure;
    });
  }

  const first = (event) => (event && event.points && event.points[0]) || null;

  const choose = {
    spectrum_click(click) {
      const point = first(click);
      if (point && point.customdata && point.customdata.length === 3) ms.set({ vector: point.customdata[0] });
      return none();
    },
    spectrum_select(selected) {
      const range = selected && selected.range;
      if (!range || !range.x) return none();
      const { payload, view } = ms.state, linear = payload.figures.spectrum.layout.meta.linear;
      const ends = [...range.x].sort((a, b) => a - b);
      ms.countBetween(...(view.log ? ends : ends.map((place) => ms.unsymlog(place, linear))));
      return none();
    },
    filmstrip_click(click) {
      const point = first(click);
      const graph = document.querySelector("#filmstrip .js-plotly-plot");
      const name = point && graph ? graph.data[point.curveNumber].name || "" : "";
      const found = name.match(/^alignment with v(\d+)$/);
      if (found) ms.set({ vector: Number(found[1]) });
      return none();
    },
    boundary_click(click) {
      const point = first(click);
      if (point && point.customdata && point.customdata.length === 2) ms.pin(point.customdata[0]);
      return none();
    },
    gap_click(click) {
      const point = first(click);
      if (point && point.x > 0) ms.set({ lambda: point.x });
      return none();
    },
  };

  window.dash_clientside.analysis = {
    ...Object.fromEntries(["boundary", "spectrum", "gap", "filmstrip"].map((name) => [name, picture(name)])),
    detail, ...choose,
    arrive(payload) { if (payload) ms.arrive(payload); },
  };
})((window.minimascope = window.minimascope || {}));
