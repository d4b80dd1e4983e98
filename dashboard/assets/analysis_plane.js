// The plane under the map: chosen in menus, kept in the address, computed by a worker when new.
window.minimascope = window.minimascope || {};
window.dash_clientside = window.dash_clientside || {};
(function (ms) {
  const KEY = /^(points:\d+,\d+,\d+|extremes:\d+|principal:\d+,\d+|pca|tsne)$/;
  const TYPED = { points: 3, principal: 2 };
  const WAITING = "A worker computes this plane; the map changes when it is there.";
  const LOCAL = {
    pca: "All training points in the first two principal directions.",
    tsne: "All training points by t-SNE: neighbours are near each other, other distances mean nothing.",
  };
  const planes = {}, asked = new Set();
  let typing = "", analysis = null;

  const place = (id) => document.getElementById(id);
  const embedded = (payload, key) => (LOCAL[key] && payload.figures["embedding_" + key]) || null;

  // The plane an address asks for, or "" for that of the report.
  ms.planeOf = function (query, payload) {
    const key = query.get("plane") || "", known = place("plane-menu") && KEY.test(key);
    return known && (!LOCAL[key] || embedded(payload, key)) ? key : "";
  };

  // The payload with the figures of the chosen plane in place of the report's.
  ms.onPlane = function (payload, view) {
    const scatter = embedded(payload, view.plane);
    if (scatter) {
      const points = view.plane === "tsne" ? payload.embedding : payload.points;
      return { ...payload, plane: false, points, figures: { ...payload.figures, boundary: scatter } };
    }
    const found = planes[view.plane];
    if (!found || found.problem) return payload;
    return { ...payload, points: found.points, figures: { ...payload.figures, ...found.figures } };
  };

  // One of alignment, classes and logit gap over the plane.
  ms.showField = function (figure, view) {
    const names = { class: "decision regions", gap: "logit gap" };
    const wanted = figure.data.find((t) => t.name === names[view.field]);
    if (!wanted) return;
    for (const trace of figure.data) if (trace.type === "heatmap") trace.visible = trace === wanted;
  };

  function note(payload, view) {
    const out = place("plane-note"), found = planes[view.plane];
    if (!out) return;
    if (out.dataset.standard === undefined) out.dataset.standard = out.textContent;
    let words = out.dataset.standard;
    if (view.plane) words = LOCAL[view.plane] || (found ? found.problem || found.words : WAITING);
    out.textContent = words;
    out.classList.toggle("bad", Boolean(found && found.problem));
    const frame = place("boundary-frame");
    if (frame && view.plane && (LOCAL[view.plane] || found)) frame.setAttribute("aria-label", words);
  }

  function menus(payload, view) {
    const kind = typing || view.plane.split(":")[0], scatter = Boolean(embedded(payload, view.plane)) || !payload.plane;
    const menu = place("plane-menu"), rows = place("plane-rows");
    if (menu) {
      menu.value = kind;
      for (const option of menu.options) if (LOCAL[option.value]) option.hidden = option.disabled = !embedded(payload, option.value);
      place("plane-rows-field").hidden = place("plane-draw").hidden = !TYPED[kind];
      if (TYPED[kind] && document.activeElement !== rows) rows.value = typing ? suggested(kind, view) : view.plane.split(":")[1].replace(/,/g, ", ");
      rows.setAttribute("aria-label", kind === "points" ? "Three training rows" : "Two components");
    }
    for (const [id, value, hidden] of [["field-menu", view.field, scatter], ["colour-menu", view.colour, !scatter]]) {
      if (!place(id)) continue;
      place(id).value = value;
      place(id).closest(".menu-choice").hidden = hidden;
    }
  }

  const suggested = (kind, view) => (kind === "points" ? view.points.slice(-3).join(", ") : "1, 3");

  // Menus, words and, where the plane is not here yet, the question.
  ms.showPlane = function (view) {
    const payload = ms.state.payload;
    if (analysis !== ms.state.path) {
      for (const key of Object.keys(planes)) delete planes[key];
      asked.clear();
      [analysis, typing] = [ms.state.path, ""];
    }
    menus(payload, view);
    note(payload, view);
    if (!view.plane || LOCAL[view.plane] || asked.has(view.plane)) return;
    asked.add(view.plane);
    ask(view.plane, 2);
  };

  // Dash drops what is set while its own first callbacks run: asked again until it is answered.
  function ask(key, again) {
    dash_clientside.set_props("plane-ask", { data: { key, at: Date.now() } });
    if (again) setTimeout(() => { if (!planes[key] && asked.has(key) && place("plane-note")) ask(key, again - 1); }, 6000);
  }

  function draw() {
    const kind = typing || ms.state.view.plane.split(":")[0];
    const numbers = place("plane-rows").value.split(/[\s,]+/).filter(Boolean);
    const key = `${kind}:${numbers.join(",")}`;
    if (!KEY.test(key)) {
      const wanted = kind === "points" ? "three training rows, from 0" : "two components, from 1";
      place("plane-note").textContent = `Give ${wanted}, separated by commas.`;
      return;
    }
    typing = "";
    asked.delete(key); // a plane that failed is asked for again
    ms.set({ plane: key });
  }

  function chosen(kind) {
    const view = ms.state.view;
    typing = TYPED[kind] ? kind : "";
    if (kind === "points" && view.points.length < 3) {
      menus(ms.state.payload, view);
      place("plane-note").textContent = "Click three points on the map, or give three training rows; then Draw.";
    } else if (typing) {
      menus(ms.state.payload, view);
      draw();
    } else ms.set({ plane: kind === "extremes" ? `extremes:${view.vector}` : kind });
  }

  document.addEventListener("change", (event) => {
    if (!ms.state || !ms.state.payload) return;
    if (event.target.id === "plane-menu") chosen(event.target.value);
    if (event.target.id === "field-menu") ms.set({ field: event.target.value });
    if (event.target.id === "colour-menu") ms.set({ colour: event.target.value });
  });
  document.addEventListener("click", (event) => {
    if (event.target.id === "plane-draw") draw();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.id === "plane-rows") draw();
  });

  window.dash_clientside.plane = {
    arrived(answer) {
      if (!answer || !ms.state.payload) return window.dash_clientside.no_update;
      planes[answer.key] = answer;
      ms.state.arrival += 1;
      ms.set({}, { drag: true });
      return answer.key;
    },
  };
})(window.minimascope);
