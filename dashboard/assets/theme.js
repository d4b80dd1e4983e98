// The toggle; every figure listens to the `theme` store and is recoloured in place.
(function () {
  function tell() {
    const theme = document.documentElement.dataset.theme;
    if (window.dash_clientside && dash_clientside.set_props && document.getElementById("main")) {
      dash_clientside.set_props("theme", { data: theme });
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
