// The export menus and buttons of every page.
window.minimascope = window.minimascope || {};
(function (ms) {
  const SHOWN = 400;

  function toggleTable(plot, button) {
    const place = document.getElementById(plot + "-table");
    place.hidden = !place.hidden;
    button.setAttribute("aria-expanded", String(!place.hidden));
    if (place.hidden) return;
    const all = ms.rows(ms.pictures[plot](ms.widthOf(plot, 740))), table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const words of ms.COLUMNS) head.append(Object.assign(document.createElement("th"), { textContent: words, scope: "col" }));
    const body = table.createTBody();
    for (const row of all.slice(0, SHOWN)) {
      const line = body.insertRow();
      for (const cell of row) line.insertCell().textContent = typeof cell === "number" ? ms.number(cell, 4) : cell;
    }
    const caption = table.createCaption();
    caption.textContent = all.length > SHOWN ? `First ${SHOWN} of ${all.length.toLocaleString("en")} values; the CSV has all.` : `${all.length} values.`;
    place.replaceChildren(table);
  }

  ms.exportPlot = async function (plot, kind, inches = 6.9) {
    if (!ms.pictures[plot]) return;
    await ms.plotly();
    const figure = kind === "svg" || kind === "png" ? ms.figureFor(plot, inches) : ms.pictures[plot](ms.widthOf(plot, 740));
    if (!figure) return;
    const name = ms.filename(plot === "detail" ? ms.state.view.view : plot, kind);
    if (kind === "csv") return ms.save(name, ms.csv(figure), "text/csv");
    if (kind === "json") return ms.save(name, ms.json(plot, figure), "application/json");
    if (kind === "svg") return ms.save(name, await ms.svgOf(figure), "image/svg+xml");
    ms.save(name, await ms.pngOf(figure), "image/png");
  };

  async function whole(kind) {
    say(kind === "zip" ? "Packing the analysis" : "Writing the report");
    if (kind === "zip") ms.save(ms.filename("analysis", "zip"), await ms.wholeZip(), "application/zip");
    else ms.save(ms.filename("report", "html"), await ms.reportPage(), "text/html");
  }

  function say(words) {
    const place = document.getElementById("announce");
    place.textContent = words;
    place.classList.add("shown");
    clearTimeout(say.timer);
    say.timer = setTimeout(() => place.classList.remove("shown"), 1800);
  }

  const COPIES = {
    curl: (id) => `curl -fsS ${location.origin}/api/v1/analyses/${id}/report -o report.json`,
    link: () => location.href,
    // Anyone with this link may read the analysis; it replaces the one before.
    share: async (id) => {
      const reply = await fetch(`/api/v1/analyses/${id}/share`, { method: "POST" }), found = await reply.json();
      if (!reply.ok) throw new Error(found.sentence);
      const url = new URL(location.href);
      url.searchParams.set("share", found.key);
      return url.href;
    },
    python: (id) => `from minimascope.client import Client\n\nwith Client("${location.origin}") as client:\n    report = client.report("${id}")\n    arrays = client.arrays("${id}")\n`,
  };

  async function copied(what, id) {
    const text = await COPIES[what](id);
    await navigator.clipboard.writeText(text).catch(() => { throw new Error("The browser refused the clipboard"); });
    say(what === "share" ? "Copied: who has this link may read this analysis; earlier links ended" : "Copied");
  }

  document.addEventListener("click", function (event) {
    const open = event.target.closest(".menu");
    for (const menu of document.querySelectorAll(".menu[open]")) if (menu !== open) menu.open = false;
    const button = event.target.closest("[data-export], [data-copy], [data-whole]");
    if (!button) return;
    if (open) open.open = false;
    const { export: kind, plot, inches, copy, id, whole: all } = button.dataset;
    if (kind === "table") return toggleTable(plot, button);
    if (kind) return ms.exportPlot(plot, kind, Number(inches));
    if (all) return whole(all).catch((error) => say(String(error.message || error)));
    copied(copy, id).catch((error) => say(String(error.message || error)));
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
  });
})(window.minimascope);
