// What is known of single training points: those pinned, and those that cost most.
import { ALIGNMENT_SCALE, ID } from "../contract.mjs";
import { once } from "../figures/arrays.mjs";
import { imageOf } from "../figures/pixels.mjs";
import { all, byId, element, heading } from "../page/dom.mjs";
import { measured, number } from "../page/numbers.mjs";
import { state } from "./state.mjs";

const HARDEST = 12;
const SMALL = 28, LARGE = 72; // CSS pixels of an image in a row, and alone
const PINNED_HEAD = ["", "class", "predicted", "loss", "leave-one-out", "margin ≤"];
const HARDEST_HEAD = ["point", "class", "predicted", "loss", "left out", "margin ≤"];
const SEQUENCES_HEAD = ["sequence", "loss", "left out"];

/** @typedef {typeof import("../contract.mjs").RECORD[number]} Recorded */

/** A value of a point's record, null where the report does not have it. @param {Payload} payload @param {Recorded} name @param {number} point */
const value = ({ record }, name, point) => (record[name] ? once(record[name])[point] : null);

/** A class by its name, where the data name it. @param {Payload} payload @param {number} label */
const className = (payload, label) => (payload.classes || [])[label] ?? number(label);

/** Class, predicted class, losses, margin. @param {Payload} payload @param {number} point @param {Recorded[]} numbers */
const cellsOf = (payload, point, numbers) => [
  ...(/** @type {const} */ (["labels", "predictions"])).map((name) => className(payload, value(payload, name, point))),
  ...numbers.map((name) => measured(value(payload, name, point))),
];

/** A table with its heading; cells are texts or elements. @param {string[]} head @param {(string | Node)[][]} rows @param {string} [caption] */
function tableOf(head, rows, caption) {
  const table = element("table", "");
  if (caption) table.createCaption().textContent = caption;
  table.createTHead().insertRow().append(...head.map((words) => (words ? heading(words) : element("td", ""))));
  const body = table.createTBody();
  for (const [first, ...rest] of rows) {
    const row = body.insertRow(), name = heading("", "row");
    name.append(first);
    row.append(name, ...rest.map((cell) => element("td", "", cell)));
  }
  return table;
}

/** @param {string} look @param {string} words @param {string} said */
function labelled(look, words, said) {
  const button = element("button", look, words);
  button.setAttribute("aria-label", said);
  return button;
}

/** A row's name, with the example's image before it where it is one. @param {Payload} payload @param {number} point @param {string | Node} name */
function withImage(payload, point, name) {
  const image = imageOf(payload.images, point, SMALL);
  return image ? element("span", "pictured-name", image, name) : name;
}

/** @param {Payload} payload @param {View} view @param {number} point */
function pinnedRow(payload, view, point) {
  const sign = view.flip ? -1 : 1;
  const aligned = payload.alignment ? (sign * once(payload.alignment)[view.vector - 1][point]) / ALIGNMENT_SCALE : null;
  const unpin = labelled("tool", "Unpin", `Unpin point ${point}`);
  unpin.dataset.unpin = String(point);
  const cells = cellsOf(payload, point, ["train_loss", "alo_loss", "margins"]);
  return [withImage(payload, point, `Point ${point}`), ...cells, number(aligned, 2), unpin];
}

/** What leaving an example out would do, in a sentence. @param {Payload} payload @param {number} point */
function leftOut(payload, point) {
  const [loss, left] = [value(payload, "train_loss", point), value(payload, "alo_loss", point)];
  if (loss === null || left === null || !isFinite(left)) return "";
  const verb = left > loss ? "rise" : "fall";
  return `Example ${point}: left out, its loss would ${verb} from ${number(loss, 2)} to ${number(left, 2)} nats.`;
}

/** One row a pinned point; a column that the report does not have shows a dash. @param {View} view @param {Payload} payload */
export function showPoints(view, payload) {
  const out = byId(ID.POINT_READOUT);
  if (!out) return;
  if (!view.points.length || !payload.record) {
    out.textContent = payload.points ? "Click an example on the map to pin it here." : "";
    return;
  }
  const head = [...PINNED_HEAD, `A with v${view.vector}`, ""], last = view.points[view.points.length - 1];
  const said = leftOut(payload, last), image = imageOf(payload.images, last, LARGE);
  const lead = said || image ? [element("div", "card-lead", image, said && element("p", "card-said", said))] : [];
  out.replaceChildren(...lead, tableOf(head, view.points.map((point) => pinnedRow(payload, view, point))));
}

/** @param {Payload} payload @param {number} point */
function hardRow(payload, point) {
  const pin = labelled("point-pin", String(point), `Pin point ${point}`);
  pin.dataset.pin = String(point);
  return [withImage(payload, point, pin), ...cellsOf(payload, point, ["train_loss", "alo_loss", "margins"])];
}

/** Rows from the highest leave-one-out loss down, or training loss where there is no other. @param {Payload} payload @param {Recorded} by */
function hardest(payload, by) {
  /** @type {number[]} */
  const loss = once(payload.record[by]);
  const order = loss.map((_, point) => point).sort((a, b) => loss[b] - loss[a]).slice(0, HARDEST);
  const points = payload.record.labels ? "points" : "sequences";
  const caption = by === "alo_loss" ? `The ${points} that cost most when left out` : `The ${points} of highest loss`;
  if (payload.record.labels) return tableOf(HARDEST_HEAD, order.map((point) => hardRow(payload, point)), caption);
  const rows = order.map((point) => [String(point), ...(/** @type {const} */ (["train_loss", "alo_loss"])).map((name) => number(value(payload, name, point)))]);
  return tableOf(SEQUENCES_HEAD, rows, caption);
}

/** @param {View} view @param {Payload} payload */
export function showHardest(view, payload) {
  const out = byId(ID.DATA_POINTS), by = payload.record.alo_loss ? "alo_loss" : "train_loss";
  if (!out || view.view !== "data" || !payload.record[by]) return;
  // Made once: a button replaced under a pointer would lose its click.
  if (out.dataset.shown !== String(state.arrival)) out.replaceChildren(hardest(payload, by));
  out.dataset.shown = String(state.arrival);
  for (const pin of all("[data-pin]", out)) pin.setAttribute("aria-pressed", String(view.points.includes(Number(pin.dataset.pin))));
}
