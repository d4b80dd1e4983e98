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

  // The plotly.js inside the installed package that wrote the figures; run while the page waits.
  let loading = null;
  ms.plotly = function () {
    loading = loading || new Promise((done, failed) => {
      const script = Object.assign(document.createElement("script"), { src: "/_dash-component-suites/plotly/package_data/plotly.min.js", async: true, onload: () => done(window.Plotly) });
      script.onerror = () => { loading = null; failed(new Error("The plotting library did not arrive: load the page again.")); };
      document.head.append(script);
    });
    return loading;
  };
  if (found || location.pathname === "/compare") ms.plotly().catch(() => {});
})();
