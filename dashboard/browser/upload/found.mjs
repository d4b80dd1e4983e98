// What the inspection found in a file, below its zone.
import { ID } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { all, byId, element, idOf, one } from "../page/dom.mjs";
import { thin } from "../page/numbers.mjs";
import { ADDRESS, ofTraining } from "./addresses.mjs";
import { balance, facts, layers, taken, times } from "./found_parts.mjs";

/** @type {Record<string, string>} */
const FORMATS = {
  torch: "state dict of torch.save", safetensors: "safetensors", pt2: ".pt2, program and weights",
  huggingface: "Hugging Face model folder", npz: "NumPy arrays (.npz)", csv: "table (.csv)",
  training: "state of an optimiser", parquet: "table (Parquet or Arrow)", image_zip: "images in folders",
  torchscript: "TorchScript, its weights", shards: "shards of many devices, joined", torch_zip: "tensors of torch.save", torch_legacy: "tensors of torch.save",
};

/** @typedef {Upload["inspection"]} Inspection */

/** What is shown in each box. @type {WeakMap<HTMLElement, Upload>} */
const shown = new WeakMap();

/** @param {Inspection} inspection */
const notes = ({ warnings = [] }) => warnings.map((words) => element("p", "found-note", words));

/** @param {Inspection} inspection */
const formatOf = ({ format }) => FORMATS[format] || format;

/** A whole number, or nothing where it is not known. @param {any} value */
const counted = (value) => (typeof value === "number" ? thin(value) : "");

/** An optimiser's state alone has none. @param {Record<string, any>} found */
export const parametersOf = ({ parameters }) => (parameters ? thin(parameters) : "");

/** @param {Upload} upload @param {Zone} zone */
function checkpointParts({ id, inspection }, zone) {
  const found = inspection.summary || {};
  return [
    facts([
      ["Format", formatOf(inspection)],
      ["Parameters", parametersOf(found)],
      ["Number type", found.dtype],
      ["SHA-256", found.sha256 || id, "fact-wide code"],
    ]),
    ...(found.picked ? [element("p", "found-note", found.picked)] : []),
    ...notes(inspection),
    ...taken(found.taken),
    ...(zone === "checkpoint" && found.layers?.length ? [layers(found.layers)] : []),
  ];
}

/** @param {Record<string, any>} found */
function duplicates({ n, dtype, repeated }) {
  if (!n || !dtype) return "";
  if (repeated) return `${thin(repeated)} repeat others`;
  return repeated === 0 ? "none" : "not looked for";
}

/** Whether every position has a label of its own: ids of tokens. @param {Record<string, any>} found */
const isOfTokens = ({ target_kind: kind, target_shape: shape, input_shape: input, range = [0, 0] }) =>
  kind === "classes" && shape?.length === 1 && shape[0] > 1 && input?.[input.length - 1] === shape[0] && range.every(Number.isInteger) && range[1] > 1;

/** @param {Inspection} inspection @param {string} id */
function dataFacts(inspection, id) {
  const found = inspection.summary || {}, tokens = isOfTokens(found);
  const targets = tokens ? `a token for each of ${found.target_shape[0]} positions` : found.target_kind;
  return facts([
    ["Format", formatOf(inspection)],
    [tokens ? "Sequences" : "Examples", counted(found.n)],
    ["Shape of one", found.input_shape && times(found.input_shape)],
    ["Number type", found.dtype],
    ["Targets", found.classes ? `${found.classes} classes` : targets],
    ["Duplicates", duplicates(found)],
    ["Normalisation", tokens ? "none: ids of tokens, used as they are" : found.scale, "fact-wide"],
    ["SHA-256", found.sha256 || id, "fact-wide code"],
  ]);
}

/** @typedef {{ name: string, different: number, counts?: Record<string, number> }} Column */

/** Columns of a table, one of which holds the labels. @param {Column[]} columns */
function chips(columns) {
  const place = element("div", "found-balance");
  const buttons = columns.map((column) => {
    const button = element("button", "radio", column.name);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      setProps(ID.UP_LABEL, { value: column.name });
      place.replaceChildren(balance(column.counts) || element("p", "hint", `${thin(column.different)} different values.`));
      relabelled(column.name);
    });
    return button;
  });
  const group = element("div", "choice chips", ...buttons);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Label column");
  return [group, place];
}

/** @param {HTMLElement} box @param {Upload} upload @param {string} label */
async function relabel(box, upload, label) {
  const reply = await fetch(`${ADDRESS.train}/${upload.id}/labelled?label=${encodeURIComponent(label)}`);
  const answer = await reply.json();
  if (shown.get(box) !== upload) return;
  for (const old of all(".found-refused, :scope > .balance", box)) old.remove();
  one(".facts", box)?.replaceWith(dataFacts(reply.ok ? answer : upload.inspection, upload.id));
  if (!reply.ok) return box.append(element("p", "hint bad found-refused", `${answer.sentence} ${answer.advice || ""}`));
  // The note asked for a column, and here it is.
  for (const note of all(".found-note", box)) note.hidden = true;
  const bars = one(".found-balance", box) ? null : balance(answer.summary.class_counts, answer.summary.names);
  if (bars) box.append(bars);
}

/** A table says what it holds once its label column is known: both splits, read again by a worker. @param {string} label */
async function relabelled(label) {
  for (const zone of ["train", "test"]) {
    const box = byId(idOf("found", zone)), upload = box && shown.get(box);
    if (box && upload?.inspection.summary?.columns && label) await relabel(box, upload, label);
  }
}

/** @param {Upload} upload @param {Zone} zone */
function dataParts({ id, inspection }, zone) {
  const found = inspection.summary || {}, bars = balance(found.class_counts, found.names);
  const columns = found.columns && zone === "train" ? chips(found.columns) : [];
  return [dataFacts(inspection, id), ...notes(inspection), ...taken(found.taken), ...columns, ...(bars ? [bars] : [])];
}

/** Files of pictures, or a refusal of theirs that a size would lift. @param {Upload["inspection"]} inspection */
export const ofPictures = ({ format, summary, problem }) =>
  format === "image_zip" || (format === "parquet" && summary?.input_shape?.length === 3) || /resize/i.test(problem?.advice || "");

/** Fields that one kind of training data asks for. @param {Upload | null} upload */
function askFor(upload) {
  const asked = { [ID.UP_LABEL]: Boolean(upload?.inspection.summary?.columns), [ID.UP_RESIZE]: upload ? ofPictures(upload.inspection) : false };
  for (const [id, wanted] of Object.entries(asked)) byId(`${id}-field`)?.classList.toggle("gone", !wanted);
}

/** Shows what is in an upload below its zone; nothing where there is none. @param {Zone} zone @param {Upload | null} upload */
export function showFound(zone, upload) {
  const box = byId(idOf("found", zone));
  if (!box) return;
  shown.delete(box);
  if (zone === "train") askFor(upload);
  if (upload?.inspection.state !== "ok") return box.replaceChildren();
  shown.set(box, upload);
  box.replaceChildren(...(ofTraining(zone) ? checkpointParts(upload, zone) : dataParts(upload, zone)));
}

export function listen() {
  document.addEventListener("change", ({ target }) => {
    if (target instanceof HTMLInputElement && target.id === ID.UP_LABEL) relabelled(target.value.trim());
  });
}
