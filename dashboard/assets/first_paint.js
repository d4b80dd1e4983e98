// Runs in <head>, before anything is painted: the theme of the last visit, or the system's.
(function () {
  let theme = null;
  try { theme = localStorage.getItem("theme"); } catch (_) { /* storage may be forbidden */ }
  if (theme !== "dark" && theme !== "light") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.theme = theme;

  // What the page will draw is asked for now, while the page itself is still on its way.
  const ms = (window.minimascope = window.minimascope || {});
  const found = location.pathname.match(/^\/analyses\/([^/]+)$/);
  if (found) ms.early = { id: decodeURIComponent(found[1]), reply: fetch("/drawings/" + found[1]) };
  if (ms.early) ms.early.reply.catch(() => {});
  if (!found && location.pathname !== "/compare") return;
  const link = document.createElement("link");
  Object.assign(link, { rel: "preload", as: "script", href: "/_dash-component-suites/plotly/package_data/plotly.min.js" });
  document.head.append(link);
})();
