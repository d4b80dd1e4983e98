// The analysis page draws each picture again when what it shows has changed, the nearest first.
window.dash_clientside = window.dash_clientside || {};
(function (ms) {
  const { drawing } = ms;
  const state = () => ms.state;
  const LABELS = {
    overlaps: "Alignment of every training point with each eigenvector, with class means.",
    coherence: "Cosines between the gradients of pairs of training points, sorted by class.",
    walk: "Decision boundary, training loss and accuracy on a walk along the eigenvector.",
    complexity: "Share of eigenvectors aligned above epsilon, over epsilon.",
    margins: "Histogram of the distances of training points to the decision boundary.",
    calibration: "Accuracy against confidence, on training and leave-one-out predictions.",
    layers: "Share of each eigenvector in each layer.",
    blocks: "Largest eigenvalues of the Hessian's diagonal block of each layer, with its trace.",
    data: "Leave-one-out loss against training loss, one marker a training point.",
  };

  drawing.filmstrip = function (whole, view, width) {
    const payload = ms.onPlane(whole, view);
    const figure = ms.arranged(ms.themed(ms.onPlane(payload, view).figures.filmstrip), width);
    const suffix = String(view.vector + 1), red = ms.colour("red");
    figure.layout.annotations = figure.layout.annotations.map((note, tile) =>
      tile === view.vector ? { ...note, text: `<b>${note.text}</b>`, font: { ...note.font, color: red } } : note);
    const [across, down] = [figure.layout["xaxis" + suffix].domain, figure.layout["yaxis" + suffix].domain];
    figure.layout.shapes = [{ type: "rect", xref: "paper", yref: "paper", x0: across[0], x1: across[1], y0: down[0], y1: down[1], line: { color: red, width: 2.5 } }];
    for (const trace of figure.data) if (trace.type === "heatmap" && trace.name === `alignment with v${view.vector}`) trace.reversescale = view.flip;
    return figure;
  };

  // Draws one figure of the payload by its name; the tabs' own need no more than the theme.
  ms.drawn = function (name, width) {
    const { payload, view } = state();
    return payload.figures[name] ? (drawing[name] || ((p) => ms.themed(p.figures[name])))(payload, view, width) : null;
  };

  // A plot of the page: the parts of the state it depends on (or a function of the state to these)
  // and what it shows, by default the figure of its own name.
  const panels = new Map(), drawnFor = new WeakMap();
  ms.panel = function (name, depends, figure = (width) => ms.drawn(name, width)) {
    ms.pictures[name] = figure;
    panels.set(name, { depends, figure });
  };

  ms.panel("boundary", ["vector", "margins", "flip", "points", "plane", "field", "colour"]);
  ms.panel("spectrum", ["vector", "log"]);
  ms.panel("gap", ["lambda", "linear"]);
  // Of the tabs only these follow more than the choice of the tab.
  const FOLLOWS = { walk: ["vector", "step"], data: ["points"], layers: ["layers"], blocks: ["layers"] };
  ms.panel("detail", (view) => ["view", ...(FOLLOWS[view.view] || [])], (width) => (LABELS[state().view.view] ? ms.drawn(state().view.view, width) : null));
  ms.pictures.filmstrip = (width) => ms.drawn("filmstrip", width);

  const near = (element) => element.getBoundingClientRect().top < window.innerHeight + 200;

  async function update(name) {
    const graph = document.getElementById(name), { depends, figure } = panels.get(name);
    if (!graph) return false;
    const { arrival, view } = state();
    const key = JSON.stringify([arrival, document.documentElement.dataset.theme, window.innerWidth, ...(depends.call ? depends(view) : depends).map((part) => view[part])]);
    if (drawnFor.get(graph) === key) return false;
    drawnFor.set(graph, key);
    if (name === "detail") detail(view);
    const place = document.getElementById(name + "-frame");
    if (place && name !== "detail") place.classList.toggle("pending", !state().payload.figures[name]);
    const made = graph.clientWidth ? figure(ms.widthOf(name, 740)) : null;
    // What could not be shown, because its place was being replaced, is not drawn yet.
    if (made && !(await ms.show(name, made))) {
      drawnFor.delete(graph);
      asked = asked || document.getElementById(name) !== graph;
    }
    return Boolean(made);
  }

  function detail(view) {
    const place = document.querySelector(".detail"), has = Boolean(LABELS[view.view] && state().payload.figures[view.view]);
    place.classList.toggle("no-figure", !has);
    if (has) document.getElementById("detail-frame").setAttribute("aria-label", LABELS[view.view]);
  }

  const pause = () => new Promise((done) => setTimeout(done));
  let running = false, asked = false;

  // What is in the window first, the rest when there is time; a change meanwhile starts over.
  ms.redraw = async function () {
    asked = true;
    if (running) return;
    running = true;
    try {
      while (asked) {
        asked = false;
        strip();
        const names = [...panels.keys()].filter((name) => document.getElementById(name));
        const order = [...names.filter((n) => near(document.getElementById(n))), ...names.filter((n) => !near(document.getElementById(n)))];
        for (const name of order) {
          if (await update(name)) await pause();
          if (asked || !document.querySelector(".page-analysis")) break;
        }
      }
    } catch (error) { ms.refuse("analysis-problem", error.message);
    } finally { running = false; }
  };
  ms.redraws.analysis = () => { if (state().payload && document.querySelector(".page-analysis")) ms.redraw(); };

  function button(tile) {
    const made = document.createElement(tile.vector ? "button" : "div");
    if (!tile.vector) return made;
    made.dataset.tile = tile.vector;
    return made;
  }

  // The filmstrip is painted without Plotly: it stands before Plotly has arrived.
  function strip() {
    const place = document.getElementById("filmstrip"), { payload, view, arrival } = state();
    const film = ms.onPlane(payload, view).figures.filmstrip;
    if (place) place.closest(".panel").hidden = !film;
    if (!place || !film) return;
    const tiles = ms.tilesOf(ms.themed(film)), shown = `${arrival} ${view.plane}`;
    if (place.dataset.shown !== shown) {
      place.replaceChildren(...tiles.map((tile) => ms.tileElement(tile, button)));
      place.classList.toggle("with-lead", tiles.length > 6);
      place.dataset.shown = shown;
    }
    [...place.children].forEach((element, index) => {
      const chosen = tiles[index].vector === view.vector;
      if (tiles[index].vector) element.setAttribute("aria-pressed", String(chosen));
      const key = `${document.documentElement.dataset.theme} ${window.innerWidth} ${view.flip && chosen}`;
      if (element.dataset.painted === key) return;
      element.dataset.painted = key;
      ms.paint(element.firstChild, tiles[index].traces, tiles[index].span, view.flip && chosen);
    });
  }

  ms.clicks.spectrum = ({ customdata }) => { if (customdata && customdata.length === 3) ms.set({ vector: customdata[0] }); };
  ms.clicks.boundary = ({ customdata }) => { if (customdata && customdata.length === 2) ms.pin(customdata[0]); };
  ms.clicks.gap = ({ x }) => { if (x > 0) ms.set({ lambda: x }); };
  ms.clicks.detail = ({ customdata, data }) => { if (data.meta && data.meta.points && customdata) ms.pin(customdata[0]); };
  ms.brushes.spectrum = ({ x }) => {
    const { payload, view } = state(), linear = payload.figures.spectrum.layout.meta.linear;
    const ends = [...x].sort((a, b) => a - b);
    ms.countBetween(...(view.log ? ends : ends.map((place) => ms.unsymlog(place, linear))));
  };

  ms.refuse = function (place, sentence) {
    const box = Object.assign(document.createElement("div"), { className: "notice notice-bad", textContent: sentence });
    box.setAttribute("role", "alert");
    const found = document.getElementById(place);
    if (found) found.replaceChildren(box);
  };

  async function fetched(id) {
    const early = ms.early && ms.early.id === id ? ms.early.reply : null;
    ms.early = null;
    const reply = await ms.patientFetch("/drawings/" + id, early);
    if (!reply.ok) throw new Error((await reply.json()).sentence || `The figures could not be made (${reply.status}).`);
    return reply.json();
  }

  // The reply may be there before the page that it is for: React puts it up when it has time, which
  // on a busy machine is many seconds later.
  async function pageOf(id) {
    for (let wait = 25; begun === id; wait = Math.min(1.02 * wait, 1000)) {
      if (document.querySelector(".page-analysis")) return true;
      await new Promise((done) => setTimeout(done, wait));
    }
    return false;
  }

  // While later stages run: the page is loaded again, its state in the address, when one ends.
  let stream = null, begun = null;
  function follow(id) {
    stream = new EventSource(`/api/v1/analyses/${id}/events`);
    const ended = (event) => {
      const { state: now } = JSON.parse(event.data);
      if ((now === "done" || now === "failed") && document.querySelector(".page-analysis")) location.reload();
    };
    for (const name of ["stage", "state"]) stream.addEventListener(name, ended);
    stream.addEventListener("problem", (event) => {
      stream.close();
      ms.refuse("analysis-problem", JSON.parse(event.data).sentence);
    });
  }

  window.dash_clientside.analysis = {
    begin(id, final) {
      if (stream) stream.close();
      stream = null;
      begun = id;
      if (!id) return window.dash_clientside.no_update;
      ms.state.payload = null;
      fetched(id).then(async (payload) => { if (await pageOf(id)) ms.arrive(payload); })
        .catch((error) => ms.refuse("analysis-problem", error.message));
      ms.plotly().catch((error) => ms.refuse("analysis-problem", error.message));
      if (!final) follow(id);
      return window.dash_clientside.no_update;
    },
  };
})((window.minimascope = window.minimascope || {}));
