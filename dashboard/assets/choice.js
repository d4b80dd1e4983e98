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
