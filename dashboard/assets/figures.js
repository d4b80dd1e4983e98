// Figures arrive in the light palette with their themed paths named; here they take the page's.
window.minimascope = window.minimascope || {};
(function (ms) {
  // The palettes are in the page's own style sheet and never change: each name is read once a theme.
  const read = new Map();
  function css(name) {
    const key = document.documentElement.dataset.theme + name;
    if (!read.has(key)) read.set(key, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim());
    return read.get(key);
  }

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

  // Runs `make` as if the page wore `palette`; nothing is painted in between.
  ms.inPalette = function (palette, make) {
    const root = document.documentElement, worn = root.dataset.theme;
    root.dataset.theme = palette;
    try { return make(); } finally { root.dataset.theme = worn; }
  };

  // How to draw each plot of this page at a width, for its frame and for exports.
  ms.pictures = ms.pictures || {};

  // The frame takes the height its figure asks for; the figure then fills the frame.
  ms.fitted = function (name, figure) {
    const frame = document.getElementById(name + "-frame");
    if (frame && figure && figure.layout && figure.layout.height) frame.style.height = figure.layout.height + "px";
    return figure;
  };

  ms.widthOf = function (name, fallback) {
    const graph = document.getElementById(name);
    return (graph && graph.clientWidth) || fallback;
  };

  // A strip of tiles wraps to the width it has; the same arithmetic as figures/filmstrip.py.
  ms.arranged = function (figure, width) {
    const tiles = figure.layout.annotations.length, space = 0.012, caption = 30;
    const columns = Math.min(tiles, width < 480 ? 2 : width < 640 ? 3 : 6);
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
  };
})(window.minimascope);
