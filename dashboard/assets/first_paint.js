// Runs in <head>, before anything is painted: the theme of the last visit, or the system's.
(function () {
  let theme = null;
  try { theme = localStorage.getItem("theme"); } catch (_) { /* storage may be forbidden */ }
  if (theme !== "dark" && theme !== "light") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.theme = theme;
})();
