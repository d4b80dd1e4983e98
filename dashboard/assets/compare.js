// Compare: figures take the page's theme; the grid is laid out by the width it has.
window.dash_clientside = window.dash_clientside || {};
(function (ms) {
  ms.pictures = ms.pictures || {};
  const none = () => window.dash_clientside.no_update;

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#differences");
    if (!button) return;
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    document.getElementById("compare-numbers").classList.toggle("only-differences", on);
  });

  // Rows of a name, a line of square tiles and their captions; annotations come in that order.
  function gridded(figure, width) {
    const { rows, columns } = figure.layout.meta, space = 0.01, name = 30, caption = 34;
    const across = (1 - space * (columns - 1)) / columns;
    const [x, y] = [figure.layout.xaxis.range, figure.layout.yaxis.range];
    const tile = across * width * Math.min(Math.max((y[1] - y[0]) / (x[1] - x[0]), 0.6), 1.4);
    const height = rows * (name + tile + caption), notes = figure.layout.annotations.slice();
    for (let row = 0; row < rows; row++) {
      const top = 1 - row / rows, first = row * (columns + 1);
      notes[first] = { ...notes[first], x: 0, xanchor: "left", y: top };
      const ceiling = top - name / height, floor = ceiling - tile / height;
      for (let column = 0; column < columns; column++) {
        const index = row * columns + column, suffix = index === 0 ? "" : String(index + 1), left = column * (across + space);
        figure.layout["xaxis" + suffix] = { ...figure.layout["xaxis" + suffix], domain: [left, left + across] };
        figure.layout["yaxis" + suffix] = { ...figure.layout["yaxis" + suffix], domain: [floor, ceiling] };
        notes[first + 1 + column] = { ...notes[first + 1 + column], x: left + across / 2, xanchor: "center", y: floor };
      }
    }
    figure.layout.annotations = notes;
    figure.layout.height = height + 4;
    return figure;
  }

  function absent(name) {
    const frame = document.getElementById(name + "-frame");
    if (frame) frame.classList.add("absent");
    return none();
  }

  // A narrow page turns the names of the measures upright.
  function upright(figure, width) {
    if (width > 900) return figure;
    figure.layout.xaxis = { ...figure.layout.xaxis, tickangle: -90 };
    figure.layout.margin = { ...figure.layout.margin, b: 150 };
    figure.layout.height = 460;
    return figure;
  }

  const laid = { scatter: (figure) => figure, parallel: upright, grid: gridded };

  function show(name, figure, items) {
    ms.compared = items && items.minima.map((m) => ({ id: m.numbers.id, name: m.numbers.name }));
    if (!figure) return absent(name);
    ms.pictures[name] = (width) => laid[name](ms.themed(figure), width);
    return ms.fitted(name, ms.pictures[name](ms.widthOf(name, 1200)));
  }

  window.dash_clientside.compare = {
    scatter: (drawn, theme, items) => (drawn ? show("scatter", drawn.scatter, items) : none()),
    parallel: (drawn, theme, items) => (drawn ? show("parallel", drawn.parallel, items) : none()),
    grid: (figure, theme, items) => show("grid", figure, items),
    address(drawn, vectors, x, y) {
      const url = new URL(location.href);
      if (url.pathname !== "/compare" || !drawn) return;
      url.searchParams.set("vector", vectors || "1-5");
      if (drawn.lambda) url.searchParams.set("lambda", ms.exponential(drawn.lambda));
      url.searchParams.set("x", x);
      url.searchParams.set("y", y);
      history.replaceState(history.state, "", url);
    },
  };
})((window.minimascope = window.minimascope || {}));
