// One analysis in one file: a zip of everything, or a report page that opens without a network.
window.minimascope = window.minimascope || {};
(function (ms) {
  const PAPER = 6.9;
  const STYLE = "body{font:15px/1.55 sans-serif;max-width:900px;margin:40px auto;padding:0 20px;color:#1a1c20}" +
    "table{border-collapse:collapse;width:100%;margin:12px 0 24px}th,td{text-align:left;font-weight:400;padding:5px 16px 5px 0;border-bottom:1px solid #eef0f2}" +
    "svg,img{max-width:100%;height:auto}dl{display:grid;grid-template-columns:repeat(3,1fr);gap:14px}dd{margin:0}.kpi-value{font-weight:600;font-size:20px}" +
    ".kpi-error,.kpi-note,caption,.hint{color:#5b616b;font-size:14px}pre{font-size:12px;white-space:pre-wrap;background:#f5f6f8;padding:14px}h2{margin-top:36px}";

  const titles = () => ({ boundary: "Boundary", filmstrip: "Eigenvectors", spectrum: "Hessian spectrum", gap: "Gap against λ",
    ...Object.fromEntries([...document.querySelectorAll("[data-tab]")].map((b) => [b.dataset.tab, b.textContent])) });

  // Every figure of the analysis at paper width, also those of tabs that are not open.
  async function figures() {
    const found = {};
    await ms.plotly();
    for (const name of Object.keys(ms.state.payload.figures)) {
      found[name] = ms.figureFor(name, PAPER, (width) => ms.drawn(name, width));
    }
    return found;
  }

  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

  function copyOf(element) {
    if (!element) return "";
    const copy = element.cloneNode(true);
    for (const part of copy.querySelectorAll("button, input, a, .slider")) part.replaceWith(part.tagName === "A" ? part.textContent : "");
    for (const part of [copy, ...copy.querySelectorAll("*")]) for (const name of ["id", "hidden", "tabindex", "role"]) part.removeAttribute(name);
    return copy.outerHTML;
  }

  ms.reportPage = async function () {
    const drawn = await figures(), names = titles(), parts = [];
    const title = document.querySelector("h1").textContent;
    for (const name of Object.keys(names)) {
      const side = document.querySelector(`[data-side="${name}"]`);
      if (name === "raw" || (!drawn[name] && !(side && name === "estimates"))) continue;
      parts.push(`<section><h2>${escaped(names[name])}</h2>`, drawn[name] ? await ms.svgOf(drawn[name]) : "", copyOf(side), "</section>");
    }
    const raw = await bytes(`/api/v1/analyses/${ms.state.payload.about.id}/report`);
    return ["<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>", escaped(title), "</title><style>", STYLE, "</style></head><body>",
      copyOf(document.querySelector("h1")), copyOf(document.querySelector(".subtitle")), copyOf(document.querySelector(".kpis")), copyOf(document.querySelector(".verdict")),
      ...parts, "<h2>Where this comes from</h2><pre>", escaped(JSON.stringify(ms.about(), null, 1)), "</pre>",
      "<details><summary>Raw report</summary><pre>", escaped(JSON.stringify(JSON.parse(new TextDecoder().decode(raw)), null, 1)), "</pre></details></body></html>"].join("");
  };

  async function bytes(address) {
    const reply = await fetch(address);
    if (!reply.ok) throw new Error(`${address} answered ${reply.status}`);
    return new Uint8Array(await reply.arrayBuffer());
  }

  ms.wholeZip = async function () {
    const address = `/api/v1/analyses/${ms.state.payload.about.id}`;
    const files = [["about.json", JSON.stringify(ms.about(), null, 1) + "\n"], ["report.html", await ms.reportPage()], ["report.json", await bytes(address + "/report")]];
    const arrays = await bytes(address + "/arrays.npz").catch(() => null);
    if (arrays) files.push(["arrays.npz", arrays]);
    for (const [name, figure] of Object.entries(await figures())) {
      if (!figure) continue;
      files.push([`figures/${name}.svg`, await ms.svgOf(figure)], [`data/${name}.csv`, ms.csv(figure)]);
    }
    return ms.zip(files);
  };
})(window.minimascope);
