// Files go straight to the API, never through Dash: small ones as one body, large ones in pieces
// (upload_transfer.js). What is in them is shown by upload_found.js.
window.dash_clientside = window.dash_clientside || {};
(function () {
  const ADDRESS = { checkpoint: "/api/v1/checkpoints", train: "/api/v1/datasets", test: "/api/v1/datasets" };
  const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

  const thin = (count) => count.toLocaleString("en").replace(/,/g, "\u202f");

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
    live(zone, "done", element("span", "drop-name", name), element("span", "drop-hint", summary(upload)));
    tell(zone, upload);
    const whole = document.querySelector("[data-choice='up-family'] [data-value='file']");
    if (whole && zone.dataset.upload === "checkpoint" && ["pt2", "huggingface"].includes(upload.inspection.format)) whole.click();
  }

  function tell(zone, upload) {
    window.minimascope.found(zone.dataset.upload, upload);
    dash_clientside.set_props("upload-" + zone.dataset.upload, { data: upload });
  }

  function answer(zone, request, name) {
    let body = null;
    try { body = JSON.parse(request.responseText); } catch (_) { /* said below */ }
    if (request.status >= 200 && request.status < 300 && body) return accepted(zone, body, name);
    refused(zone, name, window.minimascope.transfer.problem(request.responseText, request.status));
  }

  // The zone while a file is on its way; `stop` ends it.
  function sending(zone, file, stop) {
    const bar = element("progress", "drop-bar"), words = element("span", "drop-hint", "0 %");
    const button = element("button", "tool", "Stop");
    bar.max = 1; bar.value = 0;
    bar.setAttribute("aria-label", `Sending ${file.name}`);
    button.addEventListener("click", (event) => { event.stopPropagation(); stop(); });
    live(zone, "sending", element("span", "drop-name", file.name), bar, words, button);
    return (sent, total) => {
      bar.value = sent / total;
      words.textContent = sent === total ? "Checking the file…" : `${Math.floor(100 * bar.value)} % of ${size(total)}`;
      return words;
    };
  }

  function sendWhole(zone, file) {
    const request = new XMLHttpRequest();
    const show = sending(zone, file, () => request.abort());
    request.upload.onprogress = (event) => show(event.loaded, event.total);
    request.onload = () => answer(zone, request, file.name);
    request.onerror = () => refused(zone, file.name, { sentence: "The connection broke while sending.", advice: "Check that the server runs." });
    request.onabort = () => { live(zone, "idle"); tell(zone, null); };
    request.open("POST", `${ADDRESS[zone.dataset.upload]}?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.send(file);
  }

  async function sendPieces(zone, file) {
    let show = null;
    const run = window.minimascope.transfer.send(file, zone.dataset.upload, {
      progress: (sent) => show(sent, file.size),
      waiting: () => { zone.querySelector(".drop-live .drop-hint").textContent = "The connection broke; trying again…"; },
    });
    show = sending(zone, file, run.stop);
    try {
      const id = await run.done;
      const reply = await fetch(`${ADDRESS[zone.dataset.upload]}/${id}`);
      accepted(zone, await reply.json(), file.name);
    } catch (error) {
      if (error.stopped) { live(zone, "idle"); tell(zone, null); return begun(zone); }
      refused(zone, file.name, error.problem || { sentence: "The connection broke while sending.", advice: "Choose the same file again to go on." });
    }
  }

  const send = (zone, file) => (file.size > window.minimascope.transfer.PIECE ? sendPieces : sendWhole)(zone, file);

  // A transfer that a reload or a stop ended goes on when the same file is chosen again.
  function begun(zone) {
    const hint = zone.querySelector(".drop-idle .drop-begun") || element("span", "drop-hint drop-begun");
    const found = window.minimascope.transfer.unfinished(zone.dataset.upload);
    hint.textContent = found.map(({ name, share }) => `${name}: ${Math.floor(100 * share)} % has arrived. Choose it again to go on.`).join(" ");
    zone.querySelector(".drop-idle").append(hint);
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
      if (!zone || zone.dataset.state) continue;
      zone.dataset.state = "idle";
      begun(zone);
      if (!id) continue;
      const reply = await fetch(`${ADDRESS[kind]}/${encodeURIComponent(id)}`);
      if (reply.ok) accepted(zone, await reply.json());
    }
  }
  new MutationObserver(adopt).observe(document.documentElement, { childList: true, subtree: true });

  // A row of the table of candidates fills the fields above as a person would.
  function choose_candidate(place, candidates) {
    const chosen = candidates && place !== "" && candidates[Number(place)];
    if (!chosen) return dash_clientside.no_update;
    const press = (group, value) => document.querySelector(`[data-choice='${group}'] [data-value='${value}']`).click();
    press("up-family", chosen.family);
    if (chosen.family === "mlp") press("up-activation", chosen.activation);
    else dash_clientside.set_props("up-sequential", { value: JSON.stringify(chosen) });
    return dash_clientside.no_update;
  }

  window.dash_clientside.upload = {
    choose_candidate,
    family: (family) => [family === "mlp", family === "sequential", family !== "file"].map((shown) => (shown ? "field wide" : "field wide gone")),
    next_step: (upload) => (upload && location.pathname === "/" ? `/upload?checkpoint=${upload.id}` : dash_clientside.no_update),
  };
})();
