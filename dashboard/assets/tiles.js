// Tiles: small maps painted on canvases, straight from the int8 fields of a figure's traces.
window.minimascope = window.minimascope || {};
(function (ms) {
  const SHAPES = {
    circle: (c, x, y, r) => c.arc(x, y, r, 0, 7),
    square: (c, x, y, r) => c.rect(x - r, y - r, 2 * r, 2 * r),
    diamond: (c, x, y, r) => { c.moveTo(x, y - 1.3 * r); c.lineTo(x + 1.3 * r, y); c.lineTo(x, y + 1.3 * r); c.lineTo(x - 1.3 * r, y); },
    "triangle-up": (c, x, y, r) => { c.moveTo(x, y - 1.2 * r); c.lineTo(x + 1.2 * r, y + r); c.lineTo(x - 1.2 * r, y + r); },
    "triangle-down": (c, x, y, r) => { c.moveTo(x, y + 1.2 * r); c.lineTo(x + 1.2 * r, y - r); c.lineTo(x - 1.2 * r, y - r); },
    cross: (c, x, y, r) => { c.rect(x - r, y - r / 3, 2 * r, 0.67 * r); c.rect(x - r / 3, y - r, 0.67 * r, 2 * r); },
  };

  const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  // Colours of the `count` whole values from zmin on, interpolated between the scale's stops.
  function ramp(stops, count) {
    const table = new Uint8ClampedArray(3 * count);
    for (let i = 0; i < count; i++) {
      const at = count > 1 ? i / (count - 1) : 0;
      let right = stops.findIndex(([place]) => place >= at);
      right = Math.max(right, 1);
      const [[a, low], [b, high]] = [stops[right - 1], stops[right]];
      const share = b > a ? (at - a) / (b - a) : 0, [from, to] = [rgb(low), rgb(high)];
      for (let c = 0; c < 3; c++) table[3 * i + c] = from[c] + (to[c] - from[c]) * share;
    }
    return table;
  }

  // A class's own colour, mixed with the page as the trace's opacity says.
  function flat(trace, count) {
    const table = new Uint8ClampedArray(3 * count), page = rgb(ms.colour("page"));
    for (let i = 0; i < count; i++) {
      const colour = rgb(trace.colorscale[2 * i][1]);
      for (let c = 0; c < 3; c++) table[3 * i + c] = page[c] + (colour[c] - page[c]) * trace.opacity;
    }
    return table;
  }

  function field(trace, flip) {
    const { values, shape } = ms.typed(trace.z), [rows, columns] = shape;
    const low = Math.ceil(trace.zmin), count = Math.floor(trace.zmax) - low + 1;
    const table = trace.opacity ? flat(trace, count) : ramp(trace.colorscale, count);
    const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    const context = canvas.getContext("2d"), image = context.createImageData(columns, rows), data = image.data;
    for (let row = 0, at = 0; row < rows; row++) {
      const from = (rows - 1 - row) * columns;
      for (let column = 0; column < columns; column++, at += 4) {
        let index = values[from + column] - low;
        if (flip) index = count - 1 - index;
        data[at] = table[3 * index]; data[at + 1] = table[3 * index + 1]; data[at + 2] = table[3 * index + 2]; data[at + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  function polyline(context, trace, across, up, scale) {
    const [x, y] = [ms.typed(trace.x).values, ms.typed(trace.y).values];
    context.beginPath();
    let pen = false;
    for (let i = 0; i < x.length; i++) {
      if (!(x[i] === x[i]) || x[i] === null) { pen = false; continue; }
      pen ? context.lineTo(across(x[i]), up(y[i])) : context.moveTo(across(x[i]), up(y[i]));
      pen = true;
    }
    context.strokeStyle = trace.line.color;
    context.lineWidth = trace.line.width * scale;
    context.stroke();
  }

  function points(context, trace, across, up, scale) {
    const [x, y] = [ms.typed(trace.x).values, ms.typed(trace.y).values], { size, color, symbol } = trace.marker;
    context.fillStyle = color;
    context.beginPath();
    for (let i = 0; i < x.length; i++) {
      context.moveTo(across(x[i]), up(y[i]));
      (SHAPES[symbol] || SHAPES.circle)(context, across(x[i]), up(y[i]), (size / 2) * scale);
      context.closePath();
    }
    context.fill();
  }

  const ratio = ({ x, y }) => Math.min(Math.max((y[1] - y[0]) / (x[1] - x[0]), 0.6), 1.4);

  ms.paint = function (canvas, traces, span, flip = false) {
    const scale = window.devicePixelRatio || 1, width = Math.round(canvas.clientWidth * scale), height = Math.round(width * ratio(span));
    if (!width) return;
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const across = (v) => ((v - span.x[0]) / (span.x[1] - span.x[0])) * width;
    const up = (v) => height - ((v - span.y[0]) / (span.y[1] - span.y[0])) * height;
    context.imageSmoothingQuality = "high";
    context.lineJoin = "round";
    for (const trace of traces) {
      if (trace.type === "heatmap") {
        const small = field(trace, flip);
        context.imageSmoothingEnabled = !trace.opacity;
        context.drawImage(small, 0.5, 0.5, small.width - 1, small.height - 1, 0, 0, width, height);
      } else if (trace.mode === "lines") polyline(context, trace, across, up, scale);
      else points(context, trace, across, up, scale);
    }
  };

  // The tiles of a filmstrip figure: traces, ranges, caption and vector (0: the boundary) each.
  ms.tilesOf = function (figure) {
    return figure.layout.annotations.map((note, index) => {
      const suffix = index ? String(index + 1) : "", axis = "x" + suffix;
      const traces = figure.data.filter((trace) => (trace.xaxis || "x") === axis);
      const heat = traces.find((trace) => /^alignment with v/.test(trace.name || ""));
      return { traces, caption: note.text, vector: heat ? Number(heat.name.slice(16)) : 0,
        span: { x: figure.layout["xaxis" + suffix].range, y: figure.layout["yaxis" + suffix].range } };
    });
  };

  // Captions hold no more than Plotly's <sub> and <sup>; they are rebuilt from text.
  ms.worded = function (text, place) {
    for (const part of text.split(/(<sub>.*?<\/sub>|<sup>.*?<\/sup>)/)) {
      const found = part.match(/^<(su[bp])>(.*)<\/su[bp]>$/);
      place.append(found ? Object.assign(document.createElement(found[1]), { textContent: found[2] }) : part);
    }
    return place;
  };

  // One tile: a button or a link made by `make`, a canvas, its caption.
  ms.tileElement = function (tile, make) {
    const element = make(tile), canvas = document.createElement("canvas");
    element.classList.add("tile");
    canvas.style.aspectRatio = String(1 / ratio(tile.span));
    canvas.setAttribute("aria-hidden", "true");
    element.append(canvas, ms.worded(tile.caption, Object.assign(document.createElement("span"), { className: "tile-caption" })));
    return element;
  };
})(window.minimascope);
