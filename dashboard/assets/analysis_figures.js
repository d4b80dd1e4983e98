// Boundary, spectrum and gap, drawn from the payload that is already here.
window.minimascope = window.minimascope || {};
(function (ms) {
  const drawing = (ms.drawing = {});
  const LETTER = 5.9, SYMBOL = 36, ROW = 19, AROUND = 16; // of a legend, in pixels
  ms.pictures = ms.pictures || {};

  function fieldOf(payload, vector) {
    const strip = payload.figures.filmstrip;
    return strip.data.find((t) => t.type === "heatmap" && t.name === `alignment with v${vector}`);
  }

  function barTitle(view) {
    const sign = view.flip ? "−" : "";
    return { text: `alignment with ${sign}v<sub>${view.vector}</sub>`, side: "bottom", font: { size: 12, color: ms.colour("muted") } };
  }

  function pins(payload, view) {
    if (!view.points.length || !payload.points) return [];
    const places = ms.once(payload.points), ink = ms.colour("ink");
    return [{ type: "scatter", x: view.points.map((p) => places[p][0]), y: view.points.map((p) => places[p][1]),
      text: view.points.map(String), textposition: "top center", textfont: { color: ink, size: 12 },
      mode: "markers+text", hoverinfo: "skip", showlegend: false, name: "pinned points",
      marker: { size: 17, symbol: "circle-open", color: ink, line: { width: 2.5 } } }];
  }

  function planeMap(payload, view) {
    const figure = ms.themed(payload.figures.boundary);
    const heat = figure.data[0];
    heat.z = fieldOf(payload, view.vector).z;
    heat.reversescale = view.flip;
    heat.colorbar = { ...heat.colorbar, title: barTitle(view) };
    if (view.flip) heat.colorbar.ticktext = [...heat.colorbar.ticktext].reverse();
    for (const trace of figure.data) if (/margin/.test(trace.name || "")) trace.visible = view.margins;
    ms.showField(figure, view);
    return figure;
  }

  function embeddingMap(payload, view) {
    const figure = ms.themed(payload.figures.boundary);
    if (view.colour === "class") {
      for (const trace of figure.data) trace.marker = { ...trace.marker, color: trace.meta.class_colour, showscale: false };
      return figure;
    }
    if (!payload.alignment) return figure;
    const row = ms.once(payload.alignment)[view.vector - 1].map((v) => ((view.flip ? -1 : 1) * v) / 127);
    for (const trace of figure.data) {
      const points = ms.decode(trace.customdata);
      trace.marker = { ...trace.marker, color: points.map((p) => row[p[0]]) };
      trace.customdata = points.map((p) => [p[0], row[p[0]]]);
      if (trace.marker.colorbar) trace.marker.colorbar = { ...trace.marker.colorbar, title: barTitle(view) };
    }
    return figure;
  }

  // A legend of many entries stands in columns, and the plot below it keeps its height.
  function withLegend(figure, across) {
    const names = figure.data.filter((t) => t.showlegend !== false && (t.visible ?? true) === true && t.name).map((t) => t.name);
    const longest = Math.max(0, ...names.map((name) => name.length));
    const columns = Math.min(names.length, Math.max(1, Math.floor(across / (longest * LETTER + SYMBOL))));
    const rows = columns ? Math.ceil(names.length / columns) : 0;
    if (rows < 2) return;
    figure.layout.legend = { ...figure.layout.legend, entrywidthmode: "fraction", entrywidth: 0.98 / columns };
    figure.layout.margin.t = Math.max(figure.layout.margin.t, rows * ROW + AROUND);
  }

  function shaped(figure, width) {
    const x = figure.layout.xaxis.range, y = figure.layout.yaxis.range;
    const shape = figure.layout.yaxis.scaleanchor ? Math.min((y[1] - y[0]) / (x[1] - x[0]), 1.12) : 0.78;
    const margin = figure.layout.margin = { ...figure.layout.margin, ...(width < 480 ? { l: 34, r: 4 } : {}) };
    withLegend(figure, width - margin.l - margin.r);
    figure.layout.height = Math.round((width - margin.l - margin.r) * shape) + margin.t + margin.b;
    const below = 44 / Math.max(figure.layout.height - margin.t - margin.b, 1);
    for (const trace of figure.data) {
      const bar = trace.colorbar || (trace.marker && trace.marker.colorbar);
      if (bar) bar.y = -below;
    }
    return figure;
  }

  drawing.boundary = function (whole, view, width) {
    const payload = ms.onPlane(whole, view);
    const figure = (payload.plane ? planeMap : embeddingMap)(payload, view);
    figure.data.push(...pins(payload, view));
    return shaped(figure, width);
  };

  // From the symmetric logarithm to a true log axis; what is not positive cannot be shown there.
  function onLogAxis(figure, payload) {
    const linear = figure.layout.meta.linear;
    const low = Math.max(...payload.eigenvalues) * 1e-8;
    let least = Infinity, most = 0;
    for (const trace of figure.data) {
      trace.x = ms.decode(trace.x).map((place) => {
        const value = ms.unsymlog(place, linear);
        if (!(value > low)) return null;
        [least, most] = [Math.min(least, value), Math.max(most, value)];
        return value;
      });
      if (trace.error_x) {  // of symlog places until here
        const record = ms.decode(trace.customdata), [values, errors] = [1, 2].map((k) => record.map((row) => row[k]));
        trace.error_x = { ...trace.error_x, array: errors, arrayminus: errors.map((error, k) => Math.min(error, values[k] - low)) };
      }
      if (trace.fill) [trace.x, trace.y] = [trace.x, ms.decode(trace.y)].map((v, _, [x]) => v.filter((_, i) => x[i] !== null));
    }
    const pad = 0.04 * Math.log10(most / least);
    figure.layout.xaxis = { ...figure.layout.xaxis, type: "log", dtick: most > 30 * least ? 1 : "D2", exponentformat: "power", tickvals: undefined, ticktext: undefined,
      tickmode: "linear", range: [Math.log10(least) - pad, Math.log10(most) + pad], title: { ...figure.layout.xaxis.title, text: "eigenvalue λ, positive ones only" } };
  }

  // Where labels would turn and run into the title, every second one is left out, 0 stays.
  function thinned(axis, width) {
    if (width >= 480) return axis;
    const zero = axis.ticktext.indexOf("0");
    return { ...axis, ticktext: axis.ticktext.map((label, k) => ((k - zero) % 2 ? "" : label)) };
  }

  drawing.spectrum = function (payload, view, width) {
    const figure = ms.themed(payload.figures.spectrum), red = ms.colour("red");
    if (view.log) onLogAxis(figure, payload);
    else figure.layout.xaxis = thinned(figure.layout.xaxis, width);
    const marks = figure.data.find((t) => t.name === "eigenvalues");
    const count = payload.eigenvalues.length, chosen = view.vector - 1;
    const each = (on, off) => Array.from({ length: count }, (_, i) => (i === chosen ? on : off));
    marks.marker = { ...marks.marker, size: each(13, 8), color: each(red, ms.colour("ink")) };
    marks.unselected = { marker: { opacity: 1 } };
    const place = ms.decode(marks.x)[chosen];
    figure.layout.dragmode = matchMedia("(pointer: fine)").matches ? "select" : false;
    figure.layout.selectdirection = "h";
    if (place === null) return figure;
    const right = chosen < count / 2;
    figure.layout.shapes = [{ type: "line", xref: "x", yref: "paper", x0: place, x1: place, y0: 0, y1: 0.95, line: { color: red, width: 1 } }];
    figure.layout.annotations = [{ x: view.log ? Math.log10(place) : place, y: 1, xref: "x", yref: "paper", text: `λ<sub>${view.vector}</sub> = ${ms.number(payload.eigenvalues[chosen])}`,
      showarrow: false, xanchor: right ? "right" : "center", yanchor: "top", xshift: right ? -6 : 0, font: { color: red, size: 12 } }];
    return figure;
  };

  drawing.gap = function (payload, view) {
    const figure = ms.themed(payload.figures.gap), curves = payload.curves;
    const names = ["ALO", "soft rank / n", "TIC"], red = ms.colour("red");
    figure.data.push({ type: "scatter", mode: "markers", name: "at the chosen λ", showlegend: false, hoverinfo: "skip",
      x: names.map(() => view.lambda), y: names.map((name) => ms.at(curves[name], view.lambda)),
      marker: { size: 7, color: ms.colour("page"), line: { width: 2, color: red } } });
    figure.layout.shapes = [{ type: "line", xref: "x", yref: "paper", x0: view.lambda, x1: view.lambda, y0: 0, y1: 1, line: { color: red, width: 1 } }];
    if (view.linear) {
      const { tickvals, ticktext, ...axis } = figure.layout.yaxis;
      figure.layout.yaxis = { ...axis, type: "linear", rangemode: "tozero", autorange: true };
    }
    return figure;
  };
})(window.minimascope);
