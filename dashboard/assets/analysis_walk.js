// The walk: the boundary at θ + ε v_k over the boundary at θ, loss and accuracy beside it.
window.minimascope = window.minimascope || {};
(function (ms) {
  // Where neighbouring pixels have different classes: segments between the middles of those edges.
  function edges(classes, xs, ys) {
    const side = xs.length, x = [], y = [];
    const segment = (a, b) => { x.push(a[0], b[0], null); y.push(a[1], b[1], null); };
    const middle = (a, b) => (a + b) / 2;
    for (let row = 0; row + 1 < ys.length; row++) {
      for (let column = 0; column + 1 < side; column++) {
        const at = row * side + column;
        const [a, b, c, d] = [classes[at], classes[at + 1], classes[at + side + 1], classes[at + side]];
        if (a === b && b === c && c === d) continue;
        const [x0, x1, y0, y1] = [xs[column], xs[column + 1], ys[row], ys[row + 1]];
        const found = [];
        if (a !== b) found.push([middle(x0, x1), y0]);
        if (b !== c) found.push([x1, middle(y0, y1)]);
        if (c !== d) found.push([middle(x0, x1), y1]);
        if (d !== a) found.push([x0, middle(y0, y1)]);
        if (found.length === 2) segment(found[0], found[1]);
        else for (const end of found) segment(end, [middle(x0, x1), middle(y0, y1)]);
      }
    }
    return { x, y };
  }
  ms.classEdges = edges;

  // Narrow: the plane above, the curves below it.
  function stacked(layout) {
    layout.height = 720;
    if (!layout.xaxis3) return;
    layout.yaxis3 = { ...layout.yaxis3, domain: [0.52, 1] };
    layout.xaxis3 = { ...layout.xaxis3, domain: [0, 1] };
    layout.xaxis = { ...layout.xaxis, domain: [0, 1] };
    layout.yaxis = { ...layout.yaxis, domain: [0.24, 0.42] };
    layout.yaxis2 = { ...layout.yaxis2, domain: [0, 0.18] };
  }

  ms.drawing.walk = function (payload, view, width) {
    const figure = ms.themed(payload.figures.walk), walk = payload.walk, k = ms.walked(view), red = ms.colour("red");
    const epsilon = walk.epsilon[k][view.step];
    for (const trace of figure.data) {
      const found = (trace.meta && trace.meta.walk) || 0;
      if (found) trace.line = { ...trace.line, width: found === k + 1 ? 3 : 1 };
      if (found) trace.opacity = found === k + 1 ? 1 : 0.55;
      if (!walk.classes) continue;
      const flat = ms.once(walk.classes)[k * walk.epsilon[k].length + view.step];
      if (trace.name === "regions at ε") trace.z = walk.y.map((_, row) => flat.slice(row * walk.x.length, (row + 1) * walk.x.length));
      if (trace.name === "boundary at ε") Object.assign(trace, edges(flat, walk.x, walk.y));
    }
    const mark = { type: "scatter", mode: "markers", showlegend: false, hoverinfo: "skip", cliponaxis: false, x: [epsilon],
      marker: { size: 9, color: ms.colour("page"), line: { width: 2, color: red } } };
    figure.data.push({ ...mark, name: "loss at ε", y: [walk.loss[k][view.step]], xaxis: "x", yaxis: "y" });
    if (walk.accuracy) figure.data.push({ ...mark, name: "accuracy at ε", y: [walk.accuracy[k][view.step]], xaxis: "x", yaxis: "y2" });
    if (width < 620) stacked(figure.layout);
    return figure;
  };
})(window.minimascope);
