// Figures arrive in the light palette with their themed paths named; here they take the page's.
window.minimascope = window.minimascope || {};
(function (ms) {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  function diverging() {
    const stops = css("diverging").split(/\s+/);
    return stops.map((colour, i) => [i / (stops.length - 1), colour]);
  }

  function put(object, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    for (const key of keys) object = object[key] = Array.isArray(object[key]) ? object[key].slice() : { ...object[key] };
    object[last] = value;
  }

  function themedTrace(trace) {
    const copy = { ...trace };
    const tokens = (trace.meta && trace.meta.tokens) || {};
    for (const path in tokens) put(copy, path, tokens[path] === "diverging" ? diverging() : css(tokens[path]));
    if (copy.colorbar || (copy.marker && copy.marker.colorbar)) {
      const where = copy.colorbar ? copy : (copy.marker = { ...copy.marker });
      where.colorbar = { ...where.colorbar, tickfont: { color: css("muted"), size: 11.5 } };
    }
    return copy;
  }

  function themedAxis(axis) {
    return {
      ...axis,
      gridcolor: css("grid"), linecolor: css("rule"), tickcolor: css("rule"), zerolinecolor: css("rule"),
      tickfont: { color: css("muted"), size: 11.5 },
      title: { ...axis.title, font: { color: css("muted"), size: 12 } },
    };
  }

  // A copy of `figure` in the page's palette; data arrays are shared, never copied.
  ms.themed = function (figure) {
    const layout = { ...figure.layout, paper_bgcolor: css("page"), plot_bgcolor: css("page") };
    delete layout.template;
    layout.font = { ...layout.font, color: css("ink") };
    layout.hoverlabel = { ...layout.hoverlabel, bgcolor: css("wash"), bordercolor: css("rule") };
    layout.hoverlabel.font = { ...layout.hoverlabel.font, color: css("ink") };
    for (const key in layout) if (/^[xy]axis\d*$/.test(key)) layout[key] = themedAxis(layout[key]);
    const tokens = (layout.meta && layout.meta.tokens) || {};
    for (const path in tokens) put(layout, path, css(tokens[path]));
    layout.autosize = true;
    return { data: figure.data.map(themedTrace), layout };
  };
  ms.colour = css;

  const KINDS = { i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array,
    u4: Uint32Array, f4: Float32Array, f8: Float64Array };

  // Plain array (of rows) of a {dtype, bdata, shape} value, or the value itself.
  ms.decode = function (value) {
    if (!value || value.bdata === undefined) return value;
    const bytes = Uint8Array.from(atob(value.bdata), (c) => c.charCodeAt(0));
    const flat = Array.from(new KINDS[value.dtype](bytes.buffer));
    const shape = String(value.shape || flat.length).split(",").map(Number);
    if (shape.length < 2) return flat;
    return Array.from({ length: shape[0] }, (_, r) => flat.slice(r * shape[1], (r + 1) * shape[1]));
  };
})(window.minimascope);
