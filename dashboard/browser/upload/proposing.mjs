// What a file says of its training fills the fields, and a sentence says where they come from.
import { ID, TOLD, TOLD_MENUS } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { byId, element, one } from "../page/dom.mjs";
import { press } from "./form.mjs";

/** @typedef {{ fields: Record<string, any>, words: string[], open: string[] }} Said */

/** What each zone's file says. @type {Map<Zone, Said>} */
const said = new Map();

/** Ids of fields that a file filled. @type {Set<string>} */
const filled = new Set();

/** @param {string} name of a field of the parameters */
export const idOfField = (name) => `up-${name.replaceAll("_", "-")}`;

/** A value as a person would type it. @param {any} value */
export function typed(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.join(", ");
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {string} id @param {string} text */
function set(id, text) {
  const menu = byId(`${id}-menu`);
  if (one(`[data-choice="${id}"] [role=radio]`)) return press(id, text);
  if (!/** @type {readonly string[]} */ (TOLD_MENUS).includes(id)) return setProps(id, { value: text });
  if (menu instanceof HTMLSelectElement) menu.value = text;
  setProps(id, { data: text });
}

/** Opens what is folded around a field that was filled. @param {string} id */
function open(id) {
  const fold = byId(`${id}-field`)?.closest("details");
  if (fold) fold.open = true;
}

/** @param {Record<string, any>} fields */
function fill(fields) {
  for (const id of filled) if (!(id in TOLD) || !Object.keys(fields).some((name) => idOfField(name) === id)) set(id, id === ID.UP_LOSS ? "cross_entropy" : "");
  filled.clear();
  for (const [name, value] of Object.entries(fields)) {
    const id = idOfField(name);
    if (!(id in TOLD) && id !== ID.UP_OPTIMIZER && id !== ID.UP_LOSS) continue;
    set(id, typed(value));
    open(id);
    filled.add(id);
  }
}

/** @param {Zone} zone @param {Upload | null} upload */
export function propose(zone, upload) {
  const found = upload?.inspection.state === "ok" ? upload.inspection.summary?.training : null;
  if (!found && !said.has(zone)) return;
  if (found) said.set(zone, found);
  else said.delete(zone);
  const every = [said.get("checkpoint"), said.get("optimizer_state")].filter((each) => each !== undefined);
  fill(Object.assign({}, ...every.map(({ fields }) => fields)));
  show(every);
}

/** @param {Said[]} every */
function show(every) {
  const box = byId(ID.UP_READ), words = every.flatMap((each) => each.words), left = every.flatMap((each) => each.open);
  if (!box) return;
  const lead = words.length ? [element("p", "", `Read from your files: ${words.join(", ")}. Change below what is not so.`)] : [];
  box.replaceChildren(...lead, ...left.map((sentence) => element("p", "", sentence)));
  box.classList.toggle("gone", !box.childElementCount);
}
