// The plotly.js inside the installed package that wrote the figures. It is fetched early and run,
// which takes a second of this thread, when the words of the page are there to be read.
const SOURCE = "/_dash-component-suites/plotly/package_data/plotly.min.js";

const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

/** @type {Promise<Plotly> | null} */
let loading = null;

/** @returns {Promise<Plotly>} */
function load() {
  return new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: SOURCE, async: true });
    script.onload = () => done(window.Plotly);
    script.onerror = () => {
      loading = null;
      failed(new Error("The plotting library did not arrive: load the page again."));
    };
    document.head.append(script);
  });
}

/** The library, once it is there. */
export function plotly() {
  loading = loading || painted().then(load);
  return loading;
}

export function preload() {
  document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href: SOURCE }));
}
