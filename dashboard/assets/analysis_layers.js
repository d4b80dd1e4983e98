// The layer tabs show the layers whose names hold one of the words asked for, or all where none does.
window.minimascope = window.minimascope || {};
(function (ms) {
  const FRAME = 110; // pixels of height that are no row; figures/layer_mass.py and layer_blocks.py

  // All rows of a figure, and those asked for.
  function found(figure, text) {
    const all = [...new Set(figure.data.flatMap((trace) => ms.decode(trace.y)))];
    const words = text.toLowerCase().split(",").map((word) => word.trim()).filter(Boolean);
    const asked = all.filter((row) => words.some((word) => String(row).toLowerCase().includes(word)));
    return { all, asked, missed: words.length > 0 && !asked.length, shown: asked.length ? asked : all };
  }

  // A trace's entries of the rows to keep; what is not an entry a row stays.
  function picked(trace, keep) {
    const rows = ms.decode(trace.y), chosen = rows.map((row, i) => (keep.has(row) ? i : -1)).filter((i) => i >= 0);
    const part = (value) => {
      const list = ms.decode(value);
      return Array.isArray(list) && list.length === rows.length ? chosen.map((i) => list[i]) : value;
    };
    const copy = { ...trace, y: part(trace.y), customdata: part(trace.customdata) };
    if (trace.z) copy.z = part(trace.z);
    else copy.x = part(trace.x);
    if (trace.error_x) copy.error_x = { ...trace.error_x, array: part(trace.error_x.array) };
    if (trace.marker) copy.marker = { ...trace.marker, symbol: part(trace.marker.symbol) };
    return copy;
  }

  function only(figure, text) {
    const { all, shown } = found(figure, text), { layout } = figure, order = layout.yaxis.categoryarray;
    if (shown.length === all.length) return figure;
    layout.height = Math.max(220, FRAME + ((layout.height - FRAME) * shown.length) / all.length);
    if (order) layout.yaxis = { ...layout.yaxis, categoryarray: order.filter((row) => shown.includes(row)), range: [-0.6, shown.length - 0.4] };
    figure.data = figure.data.map((trace) => picked(trace, new Set(shown))).filter((trace) => trace.y.length);
    return figure;
  }

  for (const name of ["layers", "blocks"]) ms.drawing[name] = (payload, view) => only(ms.themed(payload.figures[name]), view.layers);

  ms.showLayers = function (view) {
    for (const side of document.querySelectorAll(".side")) {
      const field = document.getElementById(side.dataset.side + "-words"), figure = ms.state.payload.figures[side.dataset.side];
      if (!field || !figure) continue;
      const { all, shown, missed } = found(figure, view.layers);
      if (field !== document.activeElement) field.value = view.layers;
      side.querySelector(".layer-count").textContent = missed ? "No layer has such a name; all are shown."
        : shown.length < all.length ? `${shown.length} of ${all.length} layers` : "";
    }
  };
})(window.minimascope);
