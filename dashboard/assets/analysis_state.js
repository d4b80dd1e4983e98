// The analysis page's state is its URL: vector, lambda, point, view, margins, sign.
window.minimascope = window.minimascope || {};
(function (ms) {
  const state = (ms.state = { payload: null, view: {} });

  function fromUrl(payload) {
    const query = new URLSearchParams(location.search);
    const whole = (name, low, high, fallback) => {
      const value = Number(query.get(name));
      return query.get(name) !== null && Number.isInteger(value) && value >= low && value <= high ? value : fallback;
    };
    const grid = payload.curves ? payload.curves.lambda : null;
    const asked = Number(query.get("lambda"));
    let lambda = payload.lambda || (grid ? grid[Math.floor(grid.length / 2)] : null);
    if (grid && asked > 0) lambda = Math.min(Math.max(asked, grid[0]), grid[grid.length - 1]);
    return {
      vector: whole("vector", 1, Math.max(payload.vectors, 1), 1),
      lambda,
      point: whole("point", 0, payload.points ? payload.points.length - 1 : -1, null),
      view: query.get("view") || "overlaps",
      margins: query.get("margins") !== "off",
      flip: query.get("sign") === "-",
    };
  }

  function toUrl(view) {
    const url = new URL(location.href);
    const put = (name, value) => (value === null || value === undefined ? url.searchParams.delete(name) : url.searchParams.set(name, value));
    put("vector", view.vector);
    put("lambda", view.lambda ? Number(view.lambda.toPrecision(3)).toExponential().replace("+", "") : null);
    put("point", view.point);
    put("view", view.view);
    put("margins", view.margins ? null : "off");
    put("sign", view.flip ? "-" : null);
    history.replaceState(history.state, "", url);
  }

  function controls(view) {
    for (const button of document.querySelectorAll("[data-vector]"))
      button.setAttribute("aria-pressed", String(Number(button.dataset.vector) === view.vector));
    for (const button of document.querySelectorAll("[data-tab]")) {
      const chosen = button.dataset.tab === view.view;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    for (const side of document.querySelectorAll("[data-side]")) side.hidden = side.dataset.side !== view.view;
    const press = (id, on) => { const b = document.getElementById(id); if (b) b.setAttribute("aria-pressed", String(on)); };
    press("margins-switch", view.margins);
    press("sign-switch", view.flip);
    ms.showLambda(view.lambda);
    ms.showPoint(view);
  }

  // Merge a change into the state; pictures, controls and URL follow.
  ms.set = function (change) {
    if (!state.payload) return;
    state.view = { ...state.view, ...change };
    const tabs = [...document.querySelectorAll("[data-tab]")].map((b) => b.dataset.tab);
    if (!tabs.includes(state.view.view)) state.view.view = "overlaps";
    toUrl(state.view);
    controls(state.view);
    dash_clientside.set_props("view", { data: state.view });
  };

  ms.arrive = function (payload) {
    state.payload = payload;
    for (const name of ["walk", "margins", "calibration", "complexity", "layers"]) {
      const tab = document.getElementById("tab-" + name);
      if (tab) tab.hidden = !payload.figures[name];
    }
    const slider = document.getElementById("lambda-slider");
    if (slider && !payload.curves) slider.disabled = true;
    ms.set(fromUrl(payload));
  };

  ms.ends = () => {
    const grid = state.payload.curves.lambda;
    return [Math.log10(grid[0]), Math.log10(grid[grid.length - 1])];
  };

  // Value of a curve at λ, linear between grid points in log λ; null beside a missing point.
  ms.at = function (curve, lambda) {
    const grid = state.payload.curves.lambda, x = Math.log10(lambda);
    let i = grid.findIndex((v) => Math.log10(v) >= x - 1e-12);
    if (i < 0) i = grid.length - 1;
    if (i === 0) return curve[0];
    const [a, b] = [curve[i - 1], curve[i]];
    if (a === null || b === null) return null;
    const [low, high] = [Math.log10(grid[i - 1]), Math.log10(grid[i])];
    return a + ((b - a) * (x - low)) / (high - low);
  };

  ms.number = function (value, digits = 3) {
    if (value === null || value === undefined || !isFinite(value)) return "—";
    const size = Math.abs(value);
    if (size === 0) return "0";
    if (size >= 1e-3 && size < 1e5) return Number(value.toPrecision(digits)).toString().replace("-", "−");
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const raised = [...exponent.replace("+", "")].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c])).join("");
    return mantissa.replace("-", "−") + "·10" + raised;
  };

  ms.showLambda = function (lambda) {
    const slider = document.getElementById("lambda-slider"), out = document.getElementById("lambda-readout");
    if (!slider || !out || !state.payload.curves) return;
    const [low, high] = ms.ends();
    slider.value = String(Math.round((1000 * (Math.log10(lambda) - low)) / (high - low)));
    const parts = ["ALO", "soft rank / n", "TIC"].map((name) => [name, ms.number(ms.at(state.payload.curves[name], lambda))]);
    out.replaceChildren();
    for (const [name, value] of [["λ", ms.number(lambda)], ...parts]) {
      const cell = document.createElement("span"), strong = document.createElement("b");
      strong.textContent = value;
      cell.append(name + " ", strong);
      out.append(cell);
    }
    slider.setAttribute("aria-valuetext", `lambda ${ms.number(lambda)}; ` + parts.map((p) => p.join(" ")).join("; "));
  };

  ms.showPoint = function (view) {
    const out = document.getElementById("point-readout");
    if (!out) return;
    if (view.point === null || !state.payload.alignment) {
      out.textContent = "Click a point to pin it.";
      return;
    }
    const rows = (state.rows = state.rows && state.rows.of === state.payload ? state.rows : { of: state.payload, values: ms.decode(state.payload.alignment) });
    const sign = view.flip ? -1 : 1;
    const value = (sign * rows.values[view.vector - 1][view.point]) / 127;
    const place = state.payload.points[view.point].map((v) => ms.number(v)).join(", ");
    out.textContent = `Point ${view.point} at (${place}): alignment ${ms.number(value, 2)} with v${view.vector}. Escape unpins it.`;
  };
})(window.minimascope);
