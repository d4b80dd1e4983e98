// The toggle; the figures of a page listen to its own theme store and are recoloured in place.
(function () {
  function tell() {
    for (const page of ["analysis", "compare"]) {
      if (!document.querySelector(".page-" + page)) continue;
      dash_clientside.set_props(page + "-theme", { data: document.documentElement.dataset.theme });
    }
  }
  document.addEventListener("click", function (event) {
    if (!event.target.closest("#theme-toggle")) return;
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch (_) { /* this visit only */ }
    tell();
  });
})();
