// The data tab: the points that cost most when left out, each to be pinned; pins in its figure.
window.minimascope = window.minimascope || {};
(function (ms) {
  const SHOWN = 12;

  ms.drawing.data = function (payload, view) {
    const figure = ms.themed(payload.figures.data), { record } = payload;
    if (!view.points.length) return figure;
    const place = (name) => view.points.map((point) => Math.max(ms.once(record[name])[point], 1e-8));
    const ink = ms.colour("ink");
    figure.data.push({ type: "scatter", mode: "markers+text", x: place("train_loss"), y: place("alo_loss"), text: view.points.map(String),
      textposition: "top center", textfont: { color: ink, size: 12 }, hoverinfo: "skip", showlegend: false, name: "pinned points",
      marker: { size: 16, symbol: "circle-open", color: ink, line: { width: 2 } } });
    return figure;
  };

  function rowOf(record, point) {
    const row = document.createElement("tr"), first = Object.assign(document.createElement("th"), { scope: "row" });
    const pin = Object.assign(document.createElement("button"), { className: "point-pin", textContent: String(point) });
    pin.dataset.pin = point;
    pin.setAttribute("aria-label", `Pin point ${point}`);
    first.append(pin);
    row.append(first);
    const value = (name) => (record[name] ? ms.once(record[name])[point] : null);
    for (const name of ["labels", "predictions"]) row.insertCell().textContent = ms.className(value(name));
    for (const name of ["train_loss", "alo_loss", "margins"]) row.insertCell().textContent = ms.number(value(name));
    return row;
  }

  // Rows from the highest leave-one-out loss down, or training loss where there is no other.
  function hardest(record, by) {
    const loss = ms.once(record[by]), order = loss.map((_, point) => point).sort((a, b) => loss[b] - loss[a]).slice(0, SHOWN);
    const table = document.createElement("table"), head = table.createTHead().insertRow();
    table.createCaption().textContent = by === "alo_loss" ? "The points that cost most when left out" : "The points of highest loss";
    for (const words of ["point", "class", "predicted", "loss", "left out", "margin ≤"]) head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: words }));
    table.createTBody().append(...order.map((point) => rowOf(record, point)));
    return table;
  }

  ms.showHardest = function (view) {
    const out = document.getElementById("data-points"), { payload: { record }, arrival } = ms.state;
    const by = record.alo_loss ? "alo_loss" : "train_loss";
    if (!out || view.view !== "data" || !record[by]) return;
    // Made once: a button replaced under a pointer would lose its click.
    if (out.dataset.shown !== String(arrival)) out.replaceChildren(hardest(record, by));
    out.dataset.shown = String(arrival);
    for (const pin of out.querySelectorAll("[data-pin]")) pin.setAttribute("aria-pressed", String(view.points.includes(Number(pin.dataset.pin))));
  };
})(window.minimascope);
