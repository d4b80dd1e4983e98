// Clientside callbacks: every picture of the analysis page, from the payload already here.
window.dash_clientside = window.dash_clientside || {};
(function (ms) {
  const none = () => window.dash_clientside.no_update;
  const drawn = {};

  // Redraws only when something this picture depends on has changed.
  function when(name, payload, view, theme, keys, draw) {
    if (!payload || !view || view.vector === undefined) return none();
    const key = JSON.stringify([theme, document.documentElement.dataset.theme, ...keys.map((k) => view[k])]);
    const graph = document.getElementById(name);
    if (drawn[name] && drawn[name].graph === graph && drawn[name].payload === payload && drawn[name].key === key) return none();
    drawn[name] = { graph, payload, key };
    return ms.fitted(name, draw());
  }

  // The frame takes the height its figure asks for; the figure then fills the frame.
  ms.fitted = function (name, figure) {
    const frame = document.getElementById(name + "-frame");
    if (frame && figure && figure.layout && figure.layout.height) frame.style.height = figure.layout.height + "px";
    return figure;
  };

  function fieldOf(payload, vector) {
    const strip = payload.figures.filmstrip;
    return strip.data.find((t) => t.type === "heatmap" && t.name === `alignment with v${vector}`);
  }

  function barTitle(view) {
    const sign = view.flip ? "−" : "";
    return { text: `alignment with ${sign}v<sub>${view.vector}</sub>`, side: "bottom", font: { size: 12, color: ms.colour("muted") } };
  }

  function pin(payload, view) {
    if (view.point === null || !payload.points) return [];
    const [x, y] = payload.points[view.point];
    return [{ type: "scatter", x: [x], y: [y], mode: "markers", hoverinfo: "skip", showlegend: false, name: "pinned point",
      marker: { size: 17, symbol: "circle-open", color: ms.colour("ink"), line: { width: 2.5 } } }];
  }

  function planeMap(payload, view) {
    const figure = ms.themed(payload.figures.boundary);
    const heat = figure.data[0];
    heat.z = fieldOf(payload, view.vector).z;
    heat.reversescale = view.flip;
    heat.colorbar = { ...heat.colorbar, title: barTitle(view) };
    if (view.flip) heat.colorbar.ticktext = [...heat.colorbar.ticktext].reverse();
    for (const trace of figure.data) if (/margin/.test(trace.name || "")) trace.visible = view.margins;
    figure.data.push(...pin(payload, view));
    return figure;
  }

  function embeddingMap(payload, view) {
    const figure = ms.themed(payload.figures.boundary);
    if (!payload.alignment) return figure;
    const row = ms.decode(payload.alignment)[view.vector - 1].map((v) => ((view.flip ? -1 : 1) * v) / 127);
    for (const trace of figure.data) {
      const points = ms.decode(trace.customdata);
      trace.marker = { ...trace.marker, color: points.map((p) => row[p[0]]) };
      trace.customdata = points.map((p) => [p[0], row[p[0]]]);
      if (trace.marker.colorbar) trace.marker.colorbar = { ...trace.marker.colorbar, title: barTitle(view) };
    }
    figure.data.push(...pin(payload, view));
    return figure;
  }

  function narrow(figure, name) {
    const graph = document.getElementById(name);
    const width = graph ? graph.clientWidth : 740;
    const x = figure.layout.xaxis.range, y = figure.layout.yaxis.range;
    const shape = figure.layout.yaxis.scaleanchor ? Math.min((y[1] - y[0]) / (x[1] - x[0]), 1) : 0.78;
    const margin = figure.layout.margin = { ...figure.layout.margin, ...(width < 480 ? { l: 34, r: 4, t: 56 } : {}) };
    figure.layout.height = Math.round((width - margin.l - margin.r) * shape) + margin.t + margin.b;
    const below = 44 / Math.max(figure.layout.height - margin.t - margin.b, 1);
    for (const trace of figure.data) {
      const bar = trace.colorbar || (trace.marker && trace.marker.colorbar);
      if (bar) bar.y = -below;
    }
    return figure;
  }

  function boundary(payload, view, theme) {
    return when("boundary", payload, view, theme, ["vector", "margins", "flip", "point"], () =>
      payload.figures.boundary ? narrow((payload.plane ? planeMap : embeddingMap)(payload, view), "boundary") : none());
  }

  function spectrum(payload, view, theme) {
    return when("spectrum", payload, view, theme, ["vector"], () => {
      if (!payload.figures.spectrum) return none();
      const figure = ms.themed(payload.figures.spectrum);
      const marks = figure.data.find((t) => t.name === "eigenvalues");
      const count = payload.eigenvalues.length, chosen = view.vector - 1;
      const each = (on, off) => Array.from({ length: count }, (_, i) => (i === chosen ? on : off));
      marks.marker = { ...marks.marker, size: each(13, 8), color: each(ms.colour("red"), ms.colour("ink")) };
      const place = ms.decode(marks.x)[chosen];
      figure.layout.shapes = [{ type: "line", xref: "x", yref: "paper", x0: place, x1: place, y0: 0, y1: 0.95, line: { color: ms.colour("red"), width: 1 } }];
      figure.layout.annotations = [{ x: place, y: 1, xref: "x", yref: "paper", text: `λ<sub>${view.vector}</sub> = ${ms.number(payload.eigenvalues[chosen])}`,
        showarrow: false, xanchor: chosen < count / 2 ? "right" : "center", yanchor: "top", xshift: chosen < count / 2 ? -6 : 0, font: { color: ms.colour("red"), size: 12 } }];
      return figure;
    });
  }

  function gap(payload, view, theme) {
    return when("gap", payload, view, theme, ["lambda"], () => {
      if (!payload.figures.gap) return none();
      const figure = ms.themed(payload.figures.gap), curves = payload.curves;
      const names = ["ALO", "soft rank / n", "TIC"];
      figure.data.push({ type: "scatter", mode: "markers", name: "at the chosen λ", showlegend: false, hoverinfo: "skip",
        x: names.map(() => view.lambda), y: names.map((name) => ms.at(curves[name], view.lambda)),
        marker: { size: 7, color: ms.colour("page"), line: { width: 2, color: ms.colour("red") } } });
      figure.layout.shapes = [{ type: "line", xref: "x", yref: "paper", x0: view.lambda, x1: view.lambda, y0: 0, y1: 1, line: { color: ms.colour("red"), width: 1 } }];
      return figure;
    });
  }

  // The strip wraps to the width it has; the same arithmetic as figures/filmstrip.py.
  function arranged(figure, width) {
    const tiles = figure.layout.annotations.length, space = 0.012, caption = 30;
    const columns = Math.min(tiles, width < 480 ? 2 : width < 800 ? 3 : 6);
    const rows = Math.ceil(tiles / columns), across = (1 - space * (columns - 1)) / columns;
    const [x, y] = [figure.layout.xaxis.range, figure.layout.yaxis.range];
    const shape = Math.min(Math.max((y[1] - y[0]) / (x[1] - x[0]), 0.6), 1.4);
    const height = rows * (across * width * shape + caption);
    figure.layout.annotations = figure.layout.annotations.map((note, tile) => {
      const row = Math.floor(tile / columns), left = (tile % columns) * (across + space);
      const bottom = 1 - (row + 1) / rows + caption / height, top = 1 - row / rows;
      const suffix = tile === 0 ? "" : String(tile + 1);
      figure.layout["xaxis" + suffix] = { ...figure.layout["xaxis" + suffix], domain: [left, left + across] };
      figure.layout["yaxis" + suffix] = { ...figure.layout["yaxis" + suffix], domain: [bottom, top] };
      return { ...note, x: left + across / 2, y: bottom };
    });
    figure.layout.height = height + 4;
    return figure;
  }

  ms.arranged = arranged;

  function filmstrip(payload, view, theme) {
    return when("filmstrip", payload, view, theme, ["vector", "flip"], () => {
      if (!payload.figures.filmstrip) return none();
      const width = document.getElementById("filmstrip").clientWidth || 1200;
      const figure = arranged(ms.themed(payload.figures.filmstrip), width);
      const suffix = String(view.vector + 1), red = ms.colour("red");
      figure.layout.annotations = figure.layout.annotations.map((note, tile) =>
        tile === view.vector ? { ...note, text: `<b>${note.text}</b>`, font: { ...note.font, color: red } } : note);
      const [across, down] = [figure.layout["xaxis" + suffix].domain, figure.layout["yaxis" + suffix].domain];
      figure.layout.shapes = [{ type: "rect", xref: "paper", yref: "paper", x0: across[0], x1: across[1], y0: down[0], y1: down[1], line: { color: red, width: 2.5 } }];
      for (const trace of figure.data) if (trace.type === "heatmap" && trace.name === `alignment with v${view.vector}`) trace.reversescale = view.flip;
      return figure;
    });
  }

  const LABELS = {
    overlaps: "Alignment of every training point with each eigenvector, with class means.",
    walk: "Training loss along the first eigenvectors.",
    complexity: "Share of eigenvectors aligned above epsilon, over epsilon.",
    margins: "Histogram of the distances of training points to the decision boundary.",
    calibration: "Accuracy against confidence, on training and leave-one-out predictions.",
    layers: "Share of each eigenvector in each layer.",
  };

  function detail(payload, view, theme) {
    return when("detail", payload, view, theme, ["view"], () => {
      const figure = payload.figures[view.view];
      const place = document.querySelector(".detail");
      if (place) place.classList.toggle("no-figure", !figure || !LABELS[view.view]);
      if (!figure || !LABELS[view.view]) return none();
      document.getElementById("detail-frame").setAttribute("aria-label", LABELS[view.view]);
      return ms.themed(figure);
    });
  }

  function clicked(click) {
    const point = click && click.points && click.points[0];
    return point || null;
  }

  const choose = {
    spectrum_click(click) {
      const point = clicked(click);
      if (point && point.customdata && point.customdata.length === 3) ms.set({ vector: point.customdata[0] });
      return none();
    },
    filmstrip_click(click) {
      const point = clicked(click);
      const graph = document.querySelector("#filmstrip .js-plotly-plot");
      const name = point && graph ? graph.data[point.curveNumber].name || "" : "";
      const found = name.match(/^alignment with v(\d+)$/);
      if (found) ms.set({ vector: Number(found[1]) });
      return none();
    },
    boundary_click(click) {
      const point = clicked(click);
      if (point && point.customdata && point.customdata.length === 2) ms.set({ point: point.customdata[0] });
      return none();
    },
    gap_click(click) {
      const point = clicked(click);
      if (point && point.x > 0) ms.set({ lambda: point.x });
      return none();
    },
  };

  window.dash_clientside.analysis = {
    boundary, spectrum, gap, filmstrip, detail, ...choose,
    arrive(payload) { if (payload) ms.arrive(payload); },
  };
})((window.minimascope = window.minimascope || {}));
