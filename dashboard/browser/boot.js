// Runs in <head>, before anything is painted; all else is in modules, which it asks for.
(function () {
  let theme = null;
  try {
    theme = localStorage.getItem("theme");
  } catch {
    // storage may be forbidden
  }
  if (theme !== "dark" && theme !== "light") {
    theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.dataset.theme = theme;

  // What the page will draw is asked for now, while the page itself is still on its way.
  const found = location.pathname.match(/^\/analyses\/([^/]+)$/);
  const early = found ? { id: decodeURIComponent(found[1]), reply: fetch("/drawings/" + found[1]) } : null;
  if (early) early.reply.catch(() => {}); // said by whoever waits for it

  // Dash starts before the modules are there, or after: what it calls waits for them.
  const callbacks = import("./main.mjs").then((main) => main.start(early));
  const called = (/** @type {string} */ name) => (/** @type {any[]} */ ...given) =>
    callbacks.then((known) => /** @type {Record<string, Function>} */ (known)[name](...given));
  window.dash_clientside = /** @type {any} */ ({
    minimascope: new Proxy({}, { get: (_, name) => called(String(name)) }),
  });
})();
