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

  // A server that is busy (503), or away for a moment, is asked again; `first` is a reply on its way.
  ms.patientFetch = async function (address, first) {
    for (const wait of [500, 1500, 4500]) {
      const reply = await (first || fetch(address)).catch(() => null);
      if (reply && reply.status !== 503) return reply;
      first = null;
      await new Promise((done) => setTimeout(done, wait));
    }
    return fetch(address);
  };

  // The plotly.js inside the installed package that wrote the figures. It is fetched now and run, which
  // takes a second of this thread, when the words of the page are there to be read.
  const source = "/_dash-component-suites/plotly/package_data/plotly.min.js";
  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  let loading = null;
  ms.plotly = function () {
    loading = loading || painted().then(() => new Promise((done, failed) => {
      const script = Object.assign(document.createElement("script"), { src: source, async: true, onload: () => done(window.Plotly) });
      script.onerror = () => { loading = null; failed(new Error("The plotting library did not arrive: load the page again.")); };
      document.head.append(script);
    }));
    return loading;
  };
  if (found || location.pathname === "/compare") document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href: source }));
})();
