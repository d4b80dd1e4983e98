// Compare: figures take the page's theme; strips share one scale and one width.
window.dash_clientside = window.dash_clientside || {};
(function (ms) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#differences");
    if (!button) return;
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    document.querySelector(".numbers").classList.toggle("only-differences", on);
  });

  function missing(frame) {
    frame.style.height = "auto";
    frame.classList.add("absent");
    frame.setAttribute("aria-label", "No plane to draw");
  }

  window.dash_clientside.compare = {
    scatter: (figure) => (figure ? ms.fitted("scatter", ms.themed(figure)) : dash_clientside.no_update),
    strips(figures) {
      (figures || []).forEach((figure, index) => {
        const frame = document.getElementById(`strip-${index}-frame`);
        if (!frame) return;
        if (!figure) return missing(frame);
        const width = document.getElementById(`strip-${index}`).clientWidth || 1200;
        const name = `strip-${index}`;
        dash_clientside.set_props(name, { figure: ms.fitted(name, ms.arranged(ms.themed(figure), width)) });
      });
    },
  };
})((window.minimascope = window.minimascope || {}));
