// Keyboard and buttons of the analysis page, and the help dialog everywhere.
(function (ms) {
  const view = () => ms.state && ms.state.payload && document.querySelector(".page-analysis") && ms.state.view;

  function vector(k) {
    const now = view();
    if (now && k >= 1 && k <= ms.state.payload.vectors) ms.set({ vector: k });
  }

  function lambda(steps) {
    const now = view();
    if (!now || !ms.state.payload.curves) return;
    const [low, high] = ms.ends();
    ms.set({ lambda: 10 ** Math.min(Math.max(Math.log10(now.lambda) + 0.1 * steps, low), high) });
  }

  function help(open) {
    const dialog = document.getElementById("help");
    if (dialog && dialog.open !== open) open ? dialog.showModal() : dialog.close();
  }

  const keys = {
    "[": () => vector(view().vector - 1), "]": () => vector(view().vector + 1),
    ",": () => lambda(-1), ".": () => lambda(1),
    m: () => ms.set({ margins: !view().margins }), f: () => ms.set({ flip: !view().flip }),
    e: () => ms.exportPlot("boundary", "svg"), Escape: () => ms.set({ points: [] }),
  };

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input:not([type=range]), textarea, select");
    if (typing) return;
    if (event.key === "?") { event.preventDefault(); return help(true); }
    const filter = document.getElementById("filter");
    if (event.key === "/" && filter) { event.preventDefault(); return filter.focus(); }
    if (!view()) return;
    if (/^[1-9]$/.test(event.key)) return vector(Number(event.key));
    if (event.target.getAttribute("role") === "tab" && /^Arrow(Left|Right)$/.test(event.key)) return tab(event);
    if (keys[event.key]) keys[event.key]();
  });

  function tab(event) {
    const tabs = [...document.querySelectorAll("[data-tab]")].filter((b) => !b.hidden);
    const step = event.key === "ArrowRight" ? 1 : tabs.length - 1;
    const next = tabs[(tabs.indexOf(event.target) + step) % tabs.length];
    next.focus();
    ms.set({ view: next.dataset.tab });
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.id === "help-open") return help(true);
    if (button.id === "help-close") return help(false);
    if (!view()) return;
    const chosen = button.dataset.vector || button.dataset.tile;
    if (chosen) vector(Number(chosen));
    if (button.dataset.tab || button.dataset.goto) ms.set({ view: button.dataset.tab || button.dataset.goto });
    if (button.dataset.goto) document.querySelector(".panel-tabs").scrollIntoView({ behavior: "smooth" });
    if (button.id === "margins-switch") ms.set({ margins: !view().margins });
    else if (button.id === "sign-switch") ms.set({ flip: !view().flip });
    else if (button.id === "log-switch") ms.set({ log: !view().log });
    else if (button.id === "linear-switch") ms.set({ linear: !view().linear });
    else if (button.dataset.pin) ms.pin(Number(button.dataset.pin));
    else if (button.dataset.unpin) ms.pin(Number(button.dataset.unpin));
  });

  document.addEventListener("input", function (event) {
    const { id, value } = event.target;
    if (!view()) return;
    if (id === "layers-words" || id === "blocks-words") return ms.set({ layers: value }, { drag: true });
    if (id === "count-low" || id === "count-high") return ms.countEigenvalues();
    if (id === "walk-slider") return ms.set({ step: Number(value) }, { drag: true });
    if (id !== "lambda-slider") return;
    const [low, high] = ms.ends();
    ms.set({ lambda: 10 ** (low + ((high - low) * Number(value)) / 1000) }, { drag: true });
  });
})((window.minimascope = window.minimascope || {}));
