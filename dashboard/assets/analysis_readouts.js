// What the analysis page says in numbers: the curves at λ, pinned points, counts, the walk.
window.minimascope = window.minimascope || {};
(function (ms) {
  const CURVES = ["ALO", "soft rank / n", "TIC"];
  const state = () => ms.state;

  ms.ends = () => {
    const grid = state().payload.curves.lambda;
    return [Math.log10(grid[0]), Math.log10(grid[grid.length - 1])];
  };

  // Value of a curve at λ, linear between grid points in log λ; null beside a missing point.
  ms.at = function (curve, lambda) {
    const grid = state().payload.curves.lambda, x = Math.log10(lambda);
    let i = grid.findIndex((v) => Math.log10(v) >= x - 1e-12);
    if (i < 0) i = grid.length - 1;
    if (i === 0) return curve[0];
    const [a, b] = [curve[i - 1], curve[i]];
    if (a === null || b === null) return null;
    const [low, high] = [Math.log10(grid[i - 1]), Math.log10(grid[i])];
    return a + ((b - a) * (x - low)) / (high - low);
  };

  function pairs(out, entries) {
    out.replaceChildren(...entries.map(([name, value]) => {
      const cell = document.createElement("span"), strong = document.createElement("b");
      strong.textContent = value;
      cell.append(name + " ", strong);
      return cell;
    }));
  }

  ms.showLambda = function (lambda) {
    const slider = document.getElementById("lambda-slider"), out = document.getElementById("lambda-readout");
    if (!slider || !out || !state().payload.curves) return;
    const [low, high] = ms.ends();
    slider.value = String(Math.round((1000 * (Math.log10(lambda) - low)) / (high - low)));
    const parts = CURVES.map((name) => [name, ms.number(ms.at(state().payload.curves[name], lambda))]);
    pairs(out, [["λ", ms.number(lambda)], ...parts]);
    slider.setAttribute("aria-valuetext", `lambda ${ms.number(lambda)}; ` + parts.map((p) => p.join(" ")).join("; "));
  };

  // A class by its name, where the data name it.
  ms.className = (label) => ((state().payload.classes || [])[label] ?? ms.number(label));

  const HEAD = ["", "class", "predicted", "loss", "leave-one-out", "margin ≤"];

  // One row a pinned point; a column that the report does not have shows a dash.
  ms.showPoints = function (view) {
    const out = document.getElementById("point-readout"), payload = state().payload;
    if (!out) return;
    if (!view.points.length || !payload.record) {
      out.textContent = payload.points ? "Click a point to pin it." : "";
      return;
    }
    const table = document.createElement("table"), sign = view.flip ? -1 : 1;
    const head = table.createTHead().insertRow();
    for (const words of [...HEAD, `A with v${view.vector}`, ""]) head.append(Object.assign(document.createElement(words ? "th" : "td"), { textContent: words }));
    const body = table.createTBody(), record = payload.record;
    const value = (name, point) => (record[name] ? ms.once(record[name])[point] : null);
    for (const point of view.points) {
      const row = body.insertRow();
      row.append(Object.assign(document.createElement("th"), { scope: "row", textContent: `Point ${point}` }));
      const aligned = payload.alignment ? (sign * ms.once(payload.alignment)[view.vector - 1][point]) / 127 : null;
      const cells = [value("train_loss", point), value("alo_loss", point), value("margins", point)].map((v) => ms.number(v));
      const classes = [value("labels", point), value("predictions", point)].map(ms.className);
      for (const cell of [...classes, ...cells, ms.number(aligned, 2)]) row.insertCell().textContent = cell;
      const unpin = Object.assign(document.createElement("button"), { className: "tool", textContent: "Unpin" });
      unpin.dataset.unpin = point;
      unpin.setAttribute("aria-label", `Unpin point ${point}`);
      row.insertCell().append(unpin);
    }
    out.replaceChildren(table);
  };

  // How many known eigenvalues lie between the two fields.
  ms.countEigenvalues = function () {
    const out = document.getElementById("count-readout");
    if (!out || !state().payload) return;
    const known = ms.once(state().payload.known) || state().payload.eigenvalues;
    const end = (id, none) => {
      const text = (document.getElementById(id).value || "").replace("−", "-").trim();
      return text === "" || isNaN(Number(text)) ? none : Number(text);
    };
    const [low, high] = [end("count-low", -Infinity), end("count-high", Infinity)];
    const count = known.filter((v) => v >= low && v <= high).length;
    out.textContent = `${count.toLocaleString("en").replace(/,/g, "\u202f")} of ${known.length.toLocaleString("en").replace(/,/g, "\u202f")} known`;
  };

  ms.countBetween = function (low, high) {
    for (const [id, value] of [["count-low", low], ["count-high", high]])
      document.getElementById(id).value = String(Number(value.toPrecision(3)));
    ms.countEigenvalues();
  };

  // The walk that is drawn: the chosen vector, or the last that was walked.
  ms.walked = (view) => Math.min(view.vector, state().payload.walk.epsilon.length) - 1;

  ms.showWalk = function (view) {
    const walk = state().payload.walk, slider = document.getElementById("walk-slider"), out = document.getElementById("walk-readout");
    if (!walk || !slider || !out) return;
    const k = ms.walked(view), middle = Math.floor(walk.epsilon[k].length / 2);
    slider.max = String(walk.epsilon[k].length - 1);
    slider.value = String(view.step);
    const epsilon = view.step === middle ? 0 : walk.epsilon[k][view.step];
    const parts = [[`ε along v${k + 1}`, ms.number(epsilon)], ["loss", ms.number(walk.loss[k][view.step]) + " nats"]];
    if (walk.accuracy) parts.push(["accuracy", (100 * walk.accuracy[k][view.step]).toFixed(1) + "\u202f%"]);
    pairs(out, parts);
    slider.setAttribute("aria-valuetext", parts.map((p) => p.join(" ")).join("; "));
    const note = document.getElementById("walk-note");
    if (note) note.textContent = view.vector > k + 1 ? `The walk was computed for the first ${walk.epsilon.length} eigenvectors.` : "";
  };
})(window.minimascope);
