// What is drawn, as rows; and what every file says about where it comes from.
window.minimascope = window.minimascope || {};
(function (ms) {
  ms.COLUMNS = ["series", "x", "y", "value"];

  // Rows (series, x, y, value) of everything drawn; heatmaps give one row a pixel.
  ms.rows = function (figure) {
    const out = [];
    for (const trace of figure.data) {
      const name = (trace.name || "").replace(/<[^>]+>/g, "");
      if (trace.visible === false || /casing|± s\.e\. over/.test(name)) continue;
      if (trace.type === "heatmap") heatmap(trace, name, out);
      else series(trace, name, out);
    }
    return out;
  };

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
      if (value === null || Number.isNaN(value) || y[i] === null || Number.isNaN(y[i])) return;
      out.push([name, value, y[i], custom ? [].concat(custom[i]).join(" ") : ""]);
    });
  }

  function quoted(cell) {
    const text = String(cell);
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }

  // The analysis, its parameters, seed and versions; on the compare page, of every minimum.
  ms.about = function () {
    const page = document.querySelector(".page-compare") ? { compared: ms.compared || [] } : (ms.state.payload || {}).about;
    return { ...page, address: location.href };
  };

  ms.csv = function (figure) {
    const about = Object.entries(ms.about()).map(([key, value]) => `# ${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
    const lines = [ms.COLUMNS, ...ms.rows(figure)].map((row) => row.map(quoted).join(","));
    return [...about, ...lines].join("\n") + "\n";
  };

  ms.json = (plot, figure) => JSON.stringify({ about: ms.about(), plot, columns: ms.COLUMNS, rows: ms.rows(figure) }) + "\n";

  ms.filename = function (plot, kind) {
    const id = (location.pathname.match(/analyses\/([^/]+)/) || [, "compare"])[1];
    return `minimascope-${id.slice(0, 12)}-${plot}.${kind}`;
  };
})(window.minimascope);
