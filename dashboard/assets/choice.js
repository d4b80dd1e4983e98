// Radio groups and selects: the chosen value goes into the store the group names.
(function () {
  function choose(button) {
    const group = button.closest("[data-choice]");
    for (const other of group.querySelectorAll("[role=radio]")) {
      other.setAttribute("aria-checked", String(other === button));
      other.tabIndex = other === button ? 0 : -1;
    }
    dash_clientside.set_props(group.dataset.choice, { data: button.dataset.value });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choice] [role=radio]");
    if (button) choose(button);
  });

  // Buttons that are on or off; a group may say what else a change brings with it.
  const FOLLOW = {
    // What stages need: an eigenvector has to be there before it can be used.
    "up-stages": (value, on) => (value === "spectrum" ? (on ? [] : ["density", "boundary", "margins"]) : on && value !== "gap" ? ["spectrum"] : []),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-several] button");
    if (!button) return;
    const group = button.closest("[data-several]"), name = group.dataset.several;
    const on = button.getAttribute("aria-pressed") !== "true";
    for (const value of [button.dataset.value, ...(FOLLOW[name] ? FOLLOW[name](button.dataset.value, on) : [])])
      group.querySelector(`[data-value="${value}"]`).setAttribute("aria-pressed", String(on));
    dash_clientside.set_props(name, { data: [...group.querySelectorAll("[aria-pressed=true]")].map((each) => each.dataset.value) });
  });

  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches("[data-choice] [role=radio]")) return;
    event.preventDefault();
    const all = [...event.target.closest("[data-choice]").querySelectorAll("[role=radio]")];
    const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    next.focus();
    choose(next);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-choice]")) dash_clientside.set_props(event.target.dataset.choice, { data: event.target.value });
  });
})();
