// Files go straight to the API as a raw body (XHR, for its upload progress), never through Dash.
window.dash_clientside = window.dash_clientside || {};
(function () {
  const ADDRESS = { checkpoint: "/api/v1/checkpoints", train: "/api/v1/datasets", test: "/api/v1/datasets" };
  const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

  const thin = (count) => count.toLocaleString("en").replace(/,/g, "\u2009");

  function element(tag, className, text) {
    return Object.assign(document.createElement(tag), { className, textContent: text || "" });
  }

  function live(zone, state, ...children) {
    zone.dataset.state = state;
    zone.querySelector(".drop-live").replaceChildren(...children);
  }

  function refused(zone, name, problem) {
    const again = element("span", "drop-hint", "Drop another file, or click to choose.");
    live(zone, "refused", element("span", "drop-name", name), element("span", "drop-problem", problem.sentence),
      element("span", "drop-hint", problem.advice || ""), again);
    tell(zone, null);
  }

  function summary(upload) {
    const found = upload.inspection.summary || {};
    const parts = [size(upload.size), upload.inspection.format];
    const count = found.parameters || found.n || found.examples;
    if (typeof count === "number") parts.push(`${thin(count)} ${found.parameters ? "parameters" : "examples"}`);
    if (found.classes) parts.push(`${found.classes} classes`);
    return parts.filter(Boolean).join(" · ");
  }

  // A busy worker has not looked at it yet: ask again until it has.
  async function wait(zone, upload, name) {
    live(zone, "checking", element("span", "drop-name", name), element("span", "drop-hint", "Waiting for a worker to check the file…"));
    tell(zone, upload);
    for (;;) {
      await new Promise((done) => setTimeout(done, 1000));
      if (!document.contains(zone) || zone.dataset.state !== "checking") return;
      const reply = await fetch(`${ADDRESS[zone.dataset.upload]}/${upload.id}`).catch(() => null);
      const now = reply && reply.ok ? await reply.json() : upload;
      if (now.inspection.state !== "pending" && zone.dataset.state === "checking") return accepted(zone, now, name);
    }
  }

  // The name is the one it was dropped under: the store keeps the name of the first identical file.
  function accepted(zone, upload, name = upload.name) {
    const problem = upload.inspection.problem;
    if (upload.inspection.state === "refused" && problem) return refused(zone, name, problem);
    if (upload.inspection.state === "pending") return wait(zone, upload, name);
    const notes = (upload.inspection.warnings || []).map((w) => element("span", "drop-hint", w));
    live(zone, "done", element("span", "drop-name", name), element("span", "drop-hint", summary(upload)), ...notes);
    tell(zone, upload);
  }

  const known = {};


  // What the analysis will hold in memory and compute; the routes of workers/curvature/routes.py.
  function cost() {
    const out = document.getElementById("up-cost");
    const p = known.checkpoint && known.checkpoint.parameters, n = known.train && known.train.n;
    if (!out) return;
    out.textContent = "";
    if (!p || !n) return;
    const dense = p <= 2000 || (p <= 4000 && n * p * p <= 5e10);
    out.textContent = dense
      ? `${thin(p)} parameters and ${thin(n)} examples: the whole Hessian is computed, ${size(8 * p * p)} in memory and ${thin(p)} passes over the data.`
      : `${thin(p)} parameters and ${thin(n)} examples: the leading eigenpairs are computed by Lanczos products, never the whole Hessian.`;
  }

  function tell(zone, upload) {
    known[zone.dataset.upload] = upload && upload.inspection.summary;
    cost();
    dash_clientside.set_props("upload-" + zone.dataset.upload, { data: upload });
  }

  function answer(zone, request, name) {
    let body = null;
    try { body = JSON.parse(request.responseText); } catch (_) { /* said below */ }
    if (request.status >= 200 && request.status < 300 && body) return accepted(zone, body, name);
    if (body && body.sentence) return refused(zone, name, body);
    refused(zone, name, { sentence: `The server answered ${request.status} without saying why.`, advice: "Try again." });
  }

  function send(zone, file) {
    const request = new XMLHttpRequest();
    const bar = element("progress", "drop-bar"), words = element("span", "drop-hint", "0 %");
    const cancel = element("button", "tool", "Stop");
    bar.max = 1; bar.value = 0;
    bar.setAttribute("aria-label", `Sending ${file.name}`);
    cancel.addEventListener("click", (event) => { event.stopPropagation(); request.abort(); });
    live(zone, "sending", element("span", "drop-name", file.name), bar, words, cancel);
    request.upload.onprogress = (event) => {
      bar.value = event.loaded / event.total;
      words.textContent = `${Math.round(100 * bar.value)} % of ${size(event.total)}`;
      if (event.loaded === event.total) words.textContent = "Checking the file…";
    };
    request.onload = () => answer(zone, request, file.name);
    request.onerror = () => refused(zone, file.name, { sentence: "The connection broke while sending.", advice: "Check that the server runs." });
    request.onabort = () => live(zone, "idle");
    request.open("POST", `${ADDRESS[zone.dataset.upload]}?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.send(file);
  }

  function choose(zone) {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = zone.dataset.accept;
    input.addEventListener("change", () => input.files[0] && send(zone, input.files[0]));
    input.click();
  }

  const zoneOf = (event) => event.target.closest && event.target.closest("[data-upload]");
  document.addEventListener("click", (event) => {
    const zone = zoneOf(event);
    if (zone && zone.dataset.state !== "sending" && !event.target.closest("button")) choose(zone);
  });
  document.addEventListener("keydown", (event) => {
    const zone = zoneOf(event);
    if (zone && event.target === zone && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); choose(zone); }
  });
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const zone = zoneOf(event);
      event.preventDefault();
      document.querySelectorAll(".drop.over").forEach((z) => z !== zone && z.classList.remove("over"));
      if (!zone) return;
      zone.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) send(zone, event.dataTransfer.files[0]);
    });
  }

  // The upload page opened with ?checkpoint=id (and train, test) shows files that are here already.
  async function adopt() {
    if (!document.querySelector(".page-upload")) return;
    for (const kind of Object.keys(ADDRESS)) {
      const zone = document.getElementById("drop-" + kind), id = new URLSearchParams(location.search).get(kind);
      if (!zone || !id || zone.dataset.state) continue;
      zone.dataset.state = "idle";
      const reply = await fetch(`${ADDRESS[kind]}/${encodeURIComponent(id)}`);
      if (reply.ok) accepted(zone, await reply.json());
    }
  }
  new MutationObserver(adopt).observe(document.documentElement, { childList: true, subtree: true });

  window.dash_clientside.upload = {
    family: (family) => ["mlp", "sequential"].map((own) => (family === own ? "field wide" : "field wide gone")),
    next_step: (upload) => (upload && location.pathname === "/" ? `/upload?checkpoint=${upload.id}` : dash_clientside.no_update),
  };
})();
