// The toggle: figures are recoloured in place.
(function () {
  document.addEventListener("click", function (event) {
    if (!event.target.closest("#theme-toggle")) return;
    const root = document.documentElement;
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch (_) { /* this visit only */ }
    window.minimascope.again();
  });
})();
