// What the inspection found in a file: facts, the table of layers, the balance of the classes.
window.minimascope = window.minimascope || {};
(function () {
  const FORMATS = {
    torch: "state dict of torch.save", safetensors: "safetensors", pt2: ".pt2, program and weights",
    huggingface: "Hugging Face model folder", npz: "NumPy arrays (.npz)", csv: "table (.csv)",
    parquet: "table (.parquet)", image_zip: "images in folders",
  };
  const ROWS = 1000, BARS = 12;
  const thin = (count) => count.toLocaleString("en").replace(/,/g, "\u202f");
  const times = (shape) => (shape.length ? shape.join(" × ") : "one number");

  function element(tag, className, ...children) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function facts(pairs) {
    const list = element("dl", "facts");
    for (const [term, value, className] of pairs) {
      if (value === null || value === undefined || value === "") continue;
      list.append(element("div", className || "", element("dt", "", term), element("dd", "", String(value))));
    }
    return list;
  }

  function scrolled(label, content) {
    const box = element("div", "found-scroll", content);
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", label);
    return box;
  }

  function layers(rows) {
    const table = element("table", "found-table");
    const head = element("tr", "", ...["Tensor", "Shape", "Type"].map((words) => element("th", "", words)));
    head.querySelectorAll("th").forEach((cell) => { cell.scope = "col"; });
    const body = rows.slice(0, ROWS).map((row) => element("tr", "",
      element("td", "code", row.name), element("td", "", times(row.shape)), element("td", "", row.dtype)));
    table.append(element("thead", "", head), element("tbody", "", ...body));
    const words = rows.length > ROWS ? `Layers: the first ${ROWS} of ${thin(rows.length)} tensors` : `Layers: ${thin(rows.length)} tensors`;
    const fold = element("details", "found-layers", element("summary", "", words), scrolled(words, table));
    fold.open = rows.length <= 40;
    return fold;
  }

  // counts: {class: examples}; names: texts of the classes where they had any.
  function balance(counts, names) {
    const entries = Object.entries(counts || {}), most = Math.max(...entries.map(([, n]) => n), 1);
    if (entries.length < 2) return null;
    if (entries.length > BARS) {
      const least = Math.min(...entries.map(([, n]) => n));
      return element("p", "hint", `${entries.length} classes of ${thin(least)} to ${thin(most)} examples.`);
    }
    const total = entries.reduce((sum, [, n]) => sum + n, 0);
    const rows = entries.map(([name, n]) => {
      const bar = element("span", "balance-bar");
      bar.style.setProperty("--share", n / most);
      const words = names && names.length ? names[Number(name)] : name;
      return element("li", "", element("span", "balance-name", words), bar,
        element("span", "balance-count", `${thin(n)} · ${Math.round(100 * n / total)} %`));
    });
    const list = element("ul", "balance", ...rows);
    list.setAttribute("aria-label", "Examples of each class");
    return list;
  }

  const notes = (found) => (found.warnings || []).map((words) => element("p", "found-note", words));

  function checkpoint(upload) {
    const inspection = upload.inspection, found = inspection.summary || {};
    const parts = [facts([
      ["Format", FORMATS[inspection.format] || inspection.format],
      ["Parameters", typeof found.parameters === "number" ? thin(found.parameters) : ""],
      ["Number type", found.dtype],
      ["SHA-256", found.sha256 || upload.id, "fact-wide code"],
    ])];
    if (found.picked) parts.push(element("p", "found-note", found.picked));
    parts.push(...notes(inspection));
    if (found.layers && found.layers.length) parts.push(layers(found.layers));
    return parts;
  }

  function chips(columns, box) {
    const shown = element("div", "found-balance");
    const buttons = columns.map((column) => {
      const button = element("button", "radio", column.name);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        for (const other of box.querySelectorAll(".chips .radio")) other.setAttribute("aria-pressed", String(other === button));
        dash_clientside.set_props("up-label", { value: column.name });
        shown.replaceChildren(balance(column.counts) || element("p", "hint", `${thin(column.different)} different values.`));
        relabelled(column.name);
      });
      return button;
    });
    const group = element("div", "choice chips", ...buttons);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Label column");
    return [group, shown];
  }

  function dataFacts(inspection, id) {
    const found = inspection.summary || {}, repeated = found.repeated ? `${thin(found.repeated)} repeat others` : "";
    return facts([
      ["Format", FORMATS[inspection.format] || inspection.format],
      ["Examples", typeof found.n === "number" ? thin(found.n) : ""],
      ["Shape of one", found.input_shape && times(found.input_shape)],
      ["Number type", found.dtype],
      ["Targets", found.classes ? `${found.classes} classes` : found.target_kind],
      ["Duplicates", found.n && found.dtype ? repeated || (found.repeated === 0 ? "none" : "not looked for") : ""],
      ["Normalisation", found.scale, "fact-wide"],
      ["SHA-256", found.sha256 || id, "fact-wide code"],
    ]);
  }

  // A table says what it holds once its label column is known: both splits, read again by a worker.
  async function relabelled(label) {
    for (const zone of ["train", "test"]) {
      const box = document.getElementById(`found-${zone}`), upload = box && box.upload;
      if (!upload || !(upload.inspection.summary || {}).columns || !label) continue;
      const reply = await fetch(`/api/v1/datasets/${upload.id}/labelled?label=${encodeURIComponent(label)}`);
      const answer = await reply.json();
      if (box.upload !== upload) continue;
      for (const old of box.querySelectorAll(".found-refused, :scope > .balance")) old.remove();
      box.querySelector(".facts").replaceWith(dataFacts(reply.ok ? answer : upload.inspection, upload.id));
      if (!reply.ok) { box.append(element("p", "hint bad found-refused", `${answer.sentence} ${answer.advice || ""}`)); continue; }
      // The note asked for a column, and here it is.
      for (const note of box.querySelectorAll(".found-note")) note.hidden = true;
      const bars = box.querySelector(".found-balance") ? null : balance(answer.summary.class_counts, answer.summary.names);
      if (bars) box.append(bars);
    }
  }
  document.addEventListener("change", (event) => { if (event.target.id === "up-label") relabelled(event.target.value.trim()); });

  function dataset(upload, box) {
    const inspection = upload.inspection, found = inspection.summary || {};
    const parts = [dataFacts(inspection, upload.id)];
    parts.push(...notes(inspection));
    if (found.columns && box.id === "found-train") parts.push(...chips(found.columns, box));
    const bars = balance(found.class_counts, found.names);
    if (bars) parts.push(bars);
    return parts;
  }

  // Shows what is in an upload below its zone; nothing where there is none.
  window.minimascope.found = function (zone, upload) {
    const box = document.getElementById(`found-${zone}`);
    if (!box) return;
    const known = upload && upload.inspection.state === "ok";
    box.upload = known ? upload : null;
    box.replaceChildren(...(known ? (zone === "checkpoint" ? checkpoint : dataset)(upload, box) : []));
  };
})();
