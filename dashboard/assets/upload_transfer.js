// Large files in pieces (tus 1.0 at /api/v1/uploads): a broken connection, a stop or a reload
// costs the piece that was on its way. What has arrived is found again by the file's name, size and
// date; the server alone knows how much that is.
window.minimascope = window.minimascope || {};
(function () {
  const PIECE = 8 << 20, ADDRESS = "/api/v1/uploads", KEY = "minimascope-transfer ";
  const KEPT = 24 * 3600e3; // as long as the server keeps an unfinished transfer
  const PAUSES = [0.5, 1, 2, 4, 8, 15, 15, 15, 15, 15]; // seconds, until something arrives again

  const key = (file, zone) => `${KEY}${zone} ${file.size} ${file.lastModified} ${file.name}`;

  function kept(name) {
    try { return JSON.parse(localStorage.getItem(name)); } catch (_) { return null; }
  }

  function keep(name, value) {
    try {
      if (value) localStorage.setItem(name, JSON.stringify(value));
      else localStorage.removeItem(name);
    } catch (_) { /* no storage: nothing to resume after a reload */ }
  }

  // The problem document of an answer, or a sentence in its place.
  function problem(text, status) {
    try {
      const body = JSON.parse(text);
      if (body.sentence) return body;
    } catch (_) { /* said below */ }
    return { sentence: `The server answered ${status} without saying why.`, advice: "Try again." };
  }

  async function asked(address, options) {
    const reply = await fetch(address, { ...options, headers: { "tus-resumable": "1.0.0", ...options.headers } });
    if (!reply.ok) throw { status: reply.status, problem: problem(await reply.text(), reply.status) };
    return reply;
  }

  const base64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

  async function announce(file, zone) {
    const kind = zone === "checkpoint" ? "checkpoint" : "dataset";
    const metadata = `filename ${base64(file.name)},kind ${base64(kind)}`;
    const headers = { "upload-length": String(file.size), "upload-metadata": metadata };
    const reply = await asked(ADDRESS, { method: "POST", headers });
    return reply.headers.get("location").split("/").pop();
  }

  async function arrived(id) {
    const reply = await asked(`${ADDRESS}/${id}`, { method: "HEAD" });
    return Number(reply.headers.get("upload-offset"));
  }

  // One PATCH by XHR, which tells its progress; resolves with the bytes that are durable.
  function piece(run, id, start) {
    const request = run.request = new XMLHttpRequest();
    return new Promise((resolve, reject) => {
      request.upload.onprogress = (event) => run.progress(start + event.loaded);
      request.onload = () => (request.status === 204
        ? resolve(Number(request.getResponseHeader("upload-offset")))
        : reject({ status: request.status, problem: problem(request.responseText, request.status) }));
      request.onerror = request.onabort = () => reject({ status: 0 });
      request.open("PATCH", `${ADDRESS}/${id}`);
      request.setRequestHeader("tus-resumable", "1.0.0");
      request.setRequestHeader("upload-offset", String(start));
      request.setRequestHeader("content-type", "application/offset+octet-stream");
      request.send(run.file.slice(start, start + PIECE));
    });
  }

  // Where to go on: what is known of this file, else a new transfer.
  async function begin(run, name) {
    const known = kept(name);
    if (known) {
      try { return { id: known.id, offset: await arrived(known.id) }; } catch (error) {
        if (error.status !== 404 && error.status !== 410) throw error;
      }
    }
    return { id: await announce(run.file, run.zone), offset: 0 };
  }

  const passing = (status) => status === undefined || status === 0 || status === 409 || status === 423 || status >= 502;

  async function pieces(run, name) {
    let { id, offset } = await begin(run, name);
    for (;;) {
      keep(name, { id, share: offset / run.file.size, until: Date.now() + KEPT });
      run.progress(offset);
      if (offset >= run.file.size) return id;
      offset = await piece(run, id, offset);
      run.tries = 0;
    }
  }

  async function patiently(run, name) {
    for (;;) {
      if (run.stopped) throw { stopped: true };
      try { return await pieces(run, name); } catch (error) {
        if (run.stopped) throw { stopped: true };
        if (!passing(error.status)) throw error;
        const pause = PAUSES[run.tries];
        run.tries += 1;
        if (pause === undefined) throw { problem: { sentence: "The connection broke while sending.", advice: "What has arrived is kept for a day: choose the same file again to go on." } };
        run.waiting();
        await new Promise((done) => setTimeout(done, 1000 * pause));
      }
    }
  }

  // Sends a file; resolves with the id of the upload, rejects with {stopped} or {problem}.
  // Calls progress(bytes) and waiting(); `stop` of the returned run ends it and keeps what came.
  function send(file, zone, { progress, waiting }) {
    const run = { file, zone, progress, waiting, tries: 0, stopped: false, request: null };
    run.stop = () => { run.stopped = true; if (run.request) run.request.abort(); };
    run.done = (async () => {
      const name = key(file, zone);
      const id = await patiently(run, name);
      const reply = await asked(`${ADDRESS}/${id}`, { method: "GET" });
      keep(name, null);
      return (await reply.json()).upload;
    })();
    return run;
  }

  // What was begun here and not ended, for one zone: [{name, share}].
  function unfinished(zone) {
    let names = [];
    try { names = Object.keys(localStorage); } catch (_) { /* no storage */ }
    return names.filter((name) => name.startsWith(`${KEY}${zone} `)).flatMap((name) => {
      const known = kept(name);
      if (!known || known.until < Date.now()) { keep(name, null); return []; }
      return [{ name: name.slice(KEY.length).split(" ").slice(3).join(" "), share: known.share }];
    });
  }

  window.minimascope.transfer = { send, unfinished, problem, PIECE };
})();
