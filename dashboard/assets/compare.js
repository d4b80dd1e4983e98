// Compare: figures take the page's theme; each minimum's row of tiles is painted as it arrives.
window.dash_clientside = window.dash_clientside || {};
(function (ms) {
  ms.pictures = ms.pictures || {};
  const none = () => window.dash_clientside.no_update;
  const AT_ONCE = 4;
  const rows = new Map();
  let drawn = null, asked = 0, line = null;

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#differences");
    if (button) {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      document.getElementById("compare-numbers").classList.toggle("only-differences", on);
    }
    const measure = event.target.closest("[data-measure]");
    if (measure) choose("compare-x", measure.dataset.measure);
  });

  function choose(id, value) {
    const menu = document.getElementById(id + "-menu");
    if (menu) menu.value = value;
    dash_clientside.set_props(id, { data: value });
  }

  // Every drawn row as one figure: rows of a name, a line of tiles and their captions.
  function gridded(width) {
    const kept = [...rows.values()].filter((row) => row.figure);
    if (!kept.length) return null;
    const data = [], layout = { ...ms.themed(kept[0].figure).layout, annotations: [] };
    for (const key in layout) if (/^[xy]axis\d*$/.test(key)) delete layout[key];
    const space = 0.01, name = 30, caption = 34, columns = Math.max(...kept.map((row) => row.figure.layout.annotations.length));
    const across = (1 - space * (columns - 1)) / columns, tile = across * width, height = kept.length * (name + tile + caption);
    kept.forEach((row, index) => {
      const figure = ms.themed(row.figure), top = 1 - index / kept.length;
      const ceiling = top - name / height, floor = ceiling - tile / height;
      layout.annotations.push({ text: `<b>${row.name.replace(/</g, "&lt;")}</b>`, x: 0, xanchor: "left", y: top, yanchor: "top", xref: "paper", yref: "paper", showarrow: false, font: { size: 13 } });
      figure.layout.annotations.forEach((note, column) => {
        const own = column ? String(column + 1) : "", place = index * columns + column, suffix = place ? String(place + 1) : "";
        const left = column * (across + space);
        layout["xaxis" + suffix] = { ...figure.layout["xaxis" + own], domain: [left, left + across] };
        layout["yaxis" + suffix] = { ...figure.layout["yaxis" + own], domain: [floor, ceiling], anchor: "x" + suffix };
        layout.annotations.push({ ...note, x: left + across / 2, y: floor });
        for (const trace of figure.data) if ((trace.xaxis || "x") === "x" + own) data.push({ ...trace, name: `${row.name}, ${trace.name}`, xaxis: "x" + suffix, yaxis: "y" + suffix });
      });
    });
    layout.height = height + 4;
    return { data, layout };
  }

  function link(row) {
    return (tile) => Object.assign(document.createElement("a"), {
      href: `/analyses/${row.id}${tile.vector ? "?vector=" + tile.vector : ""}`, ariaLabel: `${row.name}: ${tile.caption.replace(/<[^>]*>/g, "")}` });
  }

  function paint(row) {
    const place = document.querySelector(`[data-strip="${row.id}"] .tiles`);
    if (!place || !row.figure) return;
    const tiles = ms.tilesOf(ms.themed(row.figure));
    place.replaceChildren(...tiles.map((tile) => ms.tileElement(tile, link(row))));
    tiles.forEach((tile, index) => ms.paint(place.children[index].firstChild, tile.traces, tile.span));
  }

  async function load(row, vectors, turn) {
    const reply = await ms.patientFetch(`/drawings/${row.id}/tiles?vectors=${encodeURIComponent(vectors)}`);
    const found = reply.ok ? await reply.json() : { figure: null, sentence: (await reply.json().catch(() => ({}))).sentence };
    if (turn !== asked) return;
    row.figure = found.figure;
    const place = document.querySelector(`[data-strip="${row.id}"] .strip-note`);
    if (place) place.textContent = found.figure ? "" : found.sentence || "Its inputs span no plane that could be drawn.";
    paint(row);
  }

  async function grid(vectors, items) {
    const turn = (asked += 1), waiting = items.minima.map((m) => ({ id: m.numbers.id, name: m.numbers.name || m.numbers.id.slice(0, 8), figure: null }));
    rows.clear();
    for (const row of waiting) rows.set(row.id, row);
    const worker = async () => { while (waiting.length && turn === asked) await load(waiting.shift(), vectors || "", turn); };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  }

  async function figures() {
    for (const name of ["scatter", "parallel"]) {
      if (!drawn || !drawn[name]) continue;
      ms.pictures[name] = () => ms.themed(drawn[name]);
      await ms.show(name, ms.pictures[name](ms.widthOf(name, 1200)));
    }
  }
  ms.pictures.line = () => (line && line.figure ? ms.themed(line.figure) : null);
  async function shownLine() {
    await new Promise((done) => setTimeout(done)); // the frame may just have been uncovered
    const figure = ms.pictures.line();
    if (figure) await ms.show("line", figure);
  }
  ms.pictures.grid = gridded;
  ms.redraws.compare = () => {
    if (!document.querySelector(".page-compare")) return;
    figures();
    shownLine();
    for (const row of rows.values()) paint(row);
  };

  window.dash_clientside.compare = {
    drawn(data, items) {
      ms.compared = items && items.minima.map((m) => ({ id: m.numbers.id, name: m.numbers.name, ...m.about }));
      drawn = data;
      if (data) figures();
      const slider = document.getElementById("compare-lambda");
      if (slider && data && data.lambda) slider.setAttribute("aria-valuetext", `lambda ${ms.number(data.lambda)}`);
      return none();
    },
    grid(vectors, items) {
      if (items) grid(vectors, items);
      return none();
    },
    // A line costs a worker some seconds: it is asked for once somebody could see it.
    near() {
      const seen = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        seen.disconnect();
        dash_clientside.set_props("line-wanted", { data: true });
      }, { rootMargin: "200px" });
      seen.observe(document.getElementById("line-panel"));
      return none();
    },
    line(data) {
      line = data;
      if (!data) return none();
      shownLine();
      const url = new URL(location.href);
      if (url.pathname !== "/compare") return none();
      for (const end of ["from", "to"]) url.searchParams.set(end, data[end]);
      history.replaceState(history.state, "", url);
      return none();
    },
    address(data, vectors, x, y) {
      const url = new URL(location.href);
      if (url.pathname !== "/compare" || !data) return;
      url.searchParams.set("vector", vectors || "1-5");
      if (data.lambda) url.searchParams.set("lambda", ms.exponential(data.lambda));
      url.searchParams.set("x", x);
      url.searchParams.set("y", y);
      history.replaceState(history.state, "", url);
    },
  };
})((window.minimascope = window.minimascope || {}));
