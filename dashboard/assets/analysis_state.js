// The analysis page's state is its URL; Back and Forward walk through it.
window.minimascope = window.minimascope || {};
(function (ms) {
  const state = (ms.state = { payload: null, arrival: 0, view: {}, path: null });

  function whole(text, low, high, fallback) {
    const value = Number(text);
    return text !== null && text !== "" && Number.isInteger(value) && value >= low && value <= high ? value : fallback;
  }

  function pinned(text, payload) {
    const last = payload.points ? ms.once(payload.points).length - 1 : -1;
    const found = (text || "").split(",").map((part) => whole(part.trim() || null, 0, last, null));
    return [...new Set(found.filter((point) => point !== null))].slice(0, 12);
  }

  function fromUrl(payload) {
    const query = new URLSearchParams(location.search);
    const grid = payload.curves ? payload.curves.lambda : null;
    const asked = Number(query.get("lambda"));
    let lambda = payload.lambda || (grid ? grid[Math.floor(grid.length / 2)] : null);
    if (grid && asked > 0) lambda = Math.min(Math.max(asked, grid[0]), grid[grid.length - 1]);
    const steps = payload.walk ? payload.walk.epsilon[0].length : 1;
    return {
      vector: whole(query.get("vector"), 1, Math.max(payload.vectors, 1), 1),
      lambda,
      points: pinned(query.get("point"), payload),
      view: query.get("view") || "overlaps",
      plane: ms.planeOf(query, payload),
      field: { class: "class", gap: "gap" }[query.get("field")] || "",
      colour: query.get("colour") === "class" ? "class" : "",
      margins: query.get("margins") !== "off",
      flip: query.get("sign") === "-",
      log: query.get("spectrum") === "log",
      linear: query.get("gap") === "linear",
      layers: (query.get("layers") || "").slice(0, 200),
      step: whole(query.get("walk"), 0, steps - 1, Math.floor(steps / 2)),
    };
  }

  function toUrl(view, replace) {
    const url = new URL(location.href);
    const put = (name, value) => (value === null || value === undefined || value === "" ? url.searchParams.delete(name) : url.searchParams.set(name, value));
    const steps = state.payload.walk ? state.payload.walk.epsilon[0].length : 1;
    put("vector", view.vector);
    put("lambda", view.lambda ? ms.exponential(view.lambda) : null);
    put("point", view.points.join(","));
    put("view", view.view);
    put("plane", view.plane);
    put("field", view.field);
    put("colour", view.colour);
    put("margins", view.margins ? null : "off");
    put("sign", view.flip ? "-" : null);
    put("spectrum", view.log ? "log" : null);
    put("gap", view.linear ? "linear" : null);
    put("layers", view.layers);
    put("walk", view.step === Math.floor(steps / 2) ? null : view.step);
    if (url.href === location.href) return;
    history[replace ? "replaceState" : "pushState"](history.state, "", url);
  }

  function press(id, on) {
    const button = document.getElementById(id);
    if (button) button.setAttribute("aria-pressed", String(on));
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
    press("margins-switch", view.margins);
    press("sign-switch", view.flip);
    press("log-switch", view.log);
    press("linear-switch", view.linear);
    ms.showLambda(view.lambda);
    ms.showPoints(view);
    ms.showWalk(view);
    ms.showRaw(view);
    ms.showHardest(view);
    ms.showPlane(view);
    ms.showLayers(view);
  }

  function follow(view, replace) {
    state.view = view;
    const tabs = [...document.querySelectorAll("[data-tab]")].filter((b) => !b.hidden).map((b) => b.dataset.tab);
    if (!tabs.includes(view.view)) view.view = tabs[0];
    toUrl(view, replace);
    controls(view);
    ms.redraw();
  }

  // Merge a change into the state; pictures, controls and URL follow. A drag replaces the address.
  ms.set = function (change, { drag = false } = {}) {
    if (state.payload) follow({ ...state.view, ...change }, drag);
  };

  // Pins a point, or unpins one that was pinned.
  ms.pin = function (point) {
    const points = state.view.points.filter((p) => p !== point);
    ms.set({ points: points.length === state.view.points.length ? [...points, point].slice(-12) : points });
  };

  ms.arrive = function (payload) {
    state.payload = payload;
    state.arrival += 1;
    state.path = location.pathname;
    for (const name of ["overlaps", "coherence", "walk", "margins", "calibration", "complexity", "layers", "blocks"]) {
      const tab = document.getElementById("tab-" + name);
      if (tab) tab.hidden = !payload.figures[name];
    }
    const slider = document.getElementById("lambda-slider");
    if (slider && !payload.curves) slider.disabled = true;
    ms.countEigenvalues();
    follow(fromUrl(payload), true);
  };

  // The page is here already: a step in its own history needs no server. Dash is not told.
  window.addEventListener("popstate", (event) => {
    if (!state.payload || state.path !== location.pathname || !document.querySelector(".page-analysis")) return;
    event.stopImmediatePropagation();
    follow(fromUrl(state.payload), true);
  }, true);
})(window.minimascope);
