// The job page follows server-sent events: a snapshot first, then each change.
window.dash_clientside = window.dash_clientside || {};
(function () {
  const FINAL = ["done", "failed", "cancelled"];
  const WORDS = { queued: "Waiting for a worker", running: "Running", done: "Done", failed: "Failed", cancelled: "Cancelled" };
  const STAGE = { waiting: "waiting", running: "running", done: "done", failed: "failed", skipped: "skipped" };
  const ATTEMPTS = 3;
  let source = null, followed = null, names = {}, silence = null, last = null;

  function element(tag, className, text, ...children) {
    const made = Object.assign(document.createElement(tag), { className, textContent: text || "" });
    made.append(...children);
    return made;
  }

  function stageRow(stage) {
    const seconds = stage.seconds === null ? "" : `${stage.seconds < 10 ? stage.seconds.toFixed(1) : Math.round(stage.seconds)} s`;
    return element("li", "stage stage-" + stage.state, "",
      element("span", "stage-mark"), element("span", "stage-name", names[stage.stage] || stage.stage),
      element("span", "stage-state", STAGE[stage.state]), element("span", "stage-time", seconds));
  }

  function head(analysis) {
    const share = Math.round(100 * (analysis.state === "done" ? 1 : analysis.progress));
    const bar = element("progress", "job-bar");
    bar.max = 100; bar.value = share;
    bar.setAttribute("aria-label", "Progress");
    const words = element("p", "job-state state-" + analysis.state, WORDS[analysis.state]);
    const beside = element("p", "job-message", analysis.state === "queued" ? "" : analysis.message);
    return element("div", "job-head", "", element("div", "job-line", "", words, element("span", "job-share", share + " %")), bar, beside);
  }

  function problem(analysis) {
    if (!analysis.problem) return [];
    const broken = analysis.stages.find((stage) => stage.state === "failed");
    const where = broken ? [element("p", "", `It stopped in the stage “${names[broken.stage] || broken.stage}”.`)] : [];
    const box = element("div", "notice notice-bad", "", element("p", "notice-lead", analysis.problem.sentence), ...where, element("p", "", analysis.problem.advice || ""));
    box.setAttribute("role", "alert");
    return [box];
  }

  // A worker that is lost, or may be: what is known, and what happens by itself.
  function lost(analysis) {
    const words = [];
    if (analysis.state === "queued" && analysis.attempt)
      words.push(`The worker was lost on attempt ${analysis.attempt} of ${ATTEMPTS}.`, "The next attempt begins by itself as soon as a worker is free.");
    else if (analysis.state === "running" && silence)
      words.push("There is no word from the worker: it may have been lost.", `If it stays silent, ${analysis.attempt < ATTEMPTS ? `attempt ${analysis.attempt + 1} of ${ATTEMPTS} begins by itself` : "the job ends as failed"} within ${Math.ceil(silence.lease)} s.`);
    else if (analysis.state === "running" && analysis.attempt > 1)
      words.push(`Attempt ${analysis.attempt} of ${ATTEMPTS}: an earlier worker was lost.`);
    if (!words.length) return [];
    const box = element("div", "notice notice-warn", "", element("p", "notice-lead", words[0]), ...words.slice(1).map((said) => element("p", "", said)));
    box.setAttribute("role", "alert");
    return [box];
  }

  // What the worker said while this page was open, the newest last.
  const LINES = 200;
  function say(words) {
    const log = document.getElementById("job-log");
    if (!log || !words || log.dataset.last === words) return;
    log.dataset.last = words;
    log.parentElement.hidden = false;
    const follows = log.scrollTop + log.clientHeight > log.scrollHeight - 8;
    log.append(element("p", "", `${new Date().toLocaleTimeString("en-GB")}  ${words}`));
    while (log.children.length > LINES) log.firstChild.remove();
    if (follows) log.scrollTop = log.scrollHeight;
  }

  function shown(id, visible) {
    const found = document.getElementById(id);
    if (found) found.classList.toggle("gone", !visible);
  }

  function render(analysis) {
    const place = document.getElementById("job-live");
    if (!place) return stop();
    const placeholder = document.getElementById("job-placeholder");
    if (placeholder) placeholder.hidden = true;
    last = analysis;
    place.replaceChildren(head(analysis), ...problem(analysis), ...lost(analysis), element("ol", "stages", "", ...analysis.stages.map(stageRow)));
    const anything = analysis.stages.some((s) => s.state === "done");
    shown("job-results", analysis.state === "done" || anything);
    document.getElementById("job-results").textContent = analysis.state === "done" ? "Open results" : "Open partial results";
    shown("job-cancel", !FINAL.includes(analysis.state));
    shown("job-retry", ["failed", "cancelled"].includes(analysis.state));
    if (FINAL.includes(analysis.state)) stop();
  }

  function stop() {
    if (source) source.close();
    source = null;
  }

  // The last event of an analysis that was deleted, or that one may no longer read.
  function ended(event) {
    const place = document.getElementById("job-live"), { sentence, advice } = JSON.parse(event.data);
    stop();
    if (!place) return;
    const box = element("div", "notice notice-bad", "", element("p", "notice-lead", sentence), element("p", "", advice || ""));
    box.setAttribute("role", "alert");
    place.replaceChildren(box);
    for (const id of ["job-results", "job-cancel", "job-retry"]) shown(id, false);
  }

  // What changes while an answer is on its way may not be in it: that is asked for once more. One
  // that arrives after the end (`source` is closed) is older than the end.
  let asking = false, again = false;
  async function refresh(id) {
    again = asking;
    if (asking) return;
    asking = true;
    try {
      const reply = await fetch(`/api/v1/analyses/${id}`, { headers: { accept: "application/json" } });
      const found = reply.ok ? await reply.json() : null;
      if (found && id === followed && source) render(found);
    } finally { asking = false; }
    if (again && id === followed && source) refresh(id);
  }

  function heard(id, event) {
    let data = {};
    try { data = JSON.parse(event.data); } catch (_) { return; }
    if (event.type === "silent") {
      silence = data.silent ? data : null;
      say(data.silent ? "no word from the worker" : "the worker speaks again");
      return last && render(last);
    }
    if (event.type === "snapshot") silence = null;
    if (event.type === "progress") say(data.message);
    if (event.type === "stage") say(`${names[data.stage] || data.stage}: ${data.state}`);
    if (Array.isArray(data.stages) && data.state) return render(data);
    if (data.analysis && data.analysis.stages) return render(data.analysis);
    refresh(id);
  }

  function follow(job) {
    if (!job) return dash_clientside.no_update;
    const analysis = job.analysis;
    names = job.stages;
    followed = analysis.id;
    silence = null;
    stop();
    requestAnimationFrame(() => { render(analysis); say(analysis.message); });
    if (FINAL.includes(analysis.state)) return dash_clientside.no_update;
    source = new EventSource(`/api/v1/analyses/${analysis.id}/events`);
    for (const name of ["snapshot", "progress", "stage", "state", "message", "silent"])
      source.addEventListener(name, (event) => heard(analysis.id, event));
    source.addEventListener("problem", ended);
    source.onerror = () => refresh(analysis.id);
    return dash_clientside.no_update;
  }

  window.dash_clientside.job = { follow };
})();
