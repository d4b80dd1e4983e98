// Export in the browser: SVG and PNG of the drawing, CSV and a table of exactly its data.
(function (ms) {
  const SHOWN = 400;

  function graphOf(plot) { return document.querySelector(`#${plot} .js-plotly-plot`); }

  // Rows (trace, x, y, value) of everything drawn; heatmaps give one row a pixel.
  function rows(graph) {
    const out = [];
    for (const trace of graph.data) {
      const name = (trace.name || "").replace(/<[^>]+>/g, "");
      if (trace.visible === false || /casing|± s\.e\. over/.test(name)) continue;
      if (trace.type === "heatmap") heatmap(trace, name, out);
      else series(trace, name, out);
    }
    return out;
  }

  function heatmap(trace, name, out) {
    const z = ms.decode(trace.z), x = ms.decode(trace.x), y = ms.decode(trace.y);
    const unit = trace.zmax === 127 ? 127 : 1;
    z.forEach((row, j) => row.forEach((value, i) => out.push([name,
      x ? x[i] : trace.x0 + i * trace.dx, y ? y[j] : trace.y0 + j * trace.dy, value / unit])));
  }

  function series(trace, name, out) {
    const x = ms.decode(trace.x) || [], y = ms.decode(trace.y) || [];
    const custom = ms.decode(trace.customdata);
    x.forEach((value, i) => {
      if (value === null || Number.isNaN(value) || Number.isNaN(y[i])) return;
      out.push([name, value, y[i], custom ? [].concat(custom[i]).join(" ") : ""]);
    });
  }

  function save(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function quoted(cell) {
    const text = String(cell);
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  function toggleTable(plot, graph, button) {
    const place = document.getElementById(plot + "-table");
    place.hidden = !place.hidden;
    button.setAttribute("aria-expanded", String(!place.hidden));
    if (place.hidden) return;
    const all = rows(graph), table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const words of ["series", "x", "y", "value"]) head.append(Object.assign(document.createElement("th"), { textContent: words, scope: "col" }));
    const body = table.createTBody();
    for (const row of all.slice(0, SHOWN)) {
      const line = body.insertRow();
      for (const cell of row) line.insertCell().textContent = typeof cell === "number" ? ms.number(cell, 4) : cell;
    }
    const caption = table.createCaption();
    caption.textContent = all.length > SHOWN ? `First ${SHOWN} of ${all.length.toLocaleString("en")} values; the CSV has all.` : `${all.length} values.`;
    place.replaceChildren(table);
  }

  function filename(plot, kind) {
    const id = (location.pathname.match(/analyses\/([^/]+)/) || [, "compare"])[1];
    return `minimascope-${id.slice(0, 12)}-${plot}.${kind}`;
  }

  ms.exportPlot = function (plot, kind, button) {
    const graph = graphOf(plot);
    if (!graph || !window.Plotly) return;
    if (kind === "table") return toggleTable(plot, graph, button);
    if (kind === "csv") {
      const lines = [["series", "x", "y", "value"], ...rows(graph)].map((row) => row.map(quoted).join(","));
      return save(filename(plot, "csv"), lines.join("\n") + "\n", "text/csv");
    }
    const size = { width: graph.clientWidth, height: graph.clientHeight, scale: kind === "png" ? 3 : 1 };
    return window.Plotly.downloadImage(graph, { format: kind, filename: filename(plot, kind).replace(/\.\w+$/, ""), ...size });
  };

  function say(words) {
    const place = document.getElementById("announce");
    place.textContent = words;
    place.classList.add("shown");
    clearTimeout(say.timer);
    say.timer = setTimeout(() => place.classList.remove("shown"), 1800);
  }

  const COPIES = {
    curl: (id) => `curl -fsS ${location.origin}/api/v1/analyses/${id}/report -o report.json`,
    python: (id) => `from minimascope.client import Client\n\nwith Client("${location.origin}") as client:\n    report = client.report("${id}")\n    arrays = client.arrays("${id}")\n`,
  };

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-export], [data-copy]");
    if (!button) return;
    if (button.dataset.export) return ms.exportPlot(button.dataset.plot, button.dataset.export, button);
    navigator.clipboard.writeText(COPIES[button.dataset.copy](button.dataset.id)).then(() => say("Copied"), () => say("The browser refused the clipboard"));
  });
})((window.minimascope = window.minimascope || {}));
