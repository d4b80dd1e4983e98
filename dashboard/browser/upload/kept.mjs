// Files and settings survive a reload, Back and a second tab: files by the address, settings beside
// them in this tab, for as long as the address names the same checkpoint.
import { FORM } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { all, byId, field, one, onPage } from "../page/dom.mjs";
import { press } from "./form.mjs";

const KEY = "upload-form";

/** @typedef {{ checkpoint: string, values: Record<string, any> }} Kept */

/** The checkpoint that the address names. */
const named = () => new URLSearchParams(location.search).get("checkpoint");

/** The address names what a zone holds. @param {Zone} zone @param {Upload | null} upload */
export function intoAddress(zone, upload) {
  if (!onPage("upload")) return;
  const url = new URL(location.href);
  if (upload) url.searchParams.set(zone, upload.id);
  else url.searchParams.delete(zone);
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}

/** What was kept for the checkpoint of the address. @returns {Record<string, any>} */
export function kept() {
  try {
    const found = /** @type {Kept} */ (JSON.parse(sessionStorage.getItem(KEY) || "null"));
    return found && found.checkpoint === named() ? found.values : {};
  } catch {
    return {};
  }
}

/** A field has changed: all are kept. @param {Record<string, any>} fields by id */
export function keep(fields) {
  const checkpoint = named();
  if (!checkpoint || !onPage("upload")) return;
  const values = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ checkpoint, values }));
  } catch {
    // this page only
  }
}

/** What was typed is kept when it is left: a reload may come before the page has heard of it. */
export function listen() {
  document.addEventListener("change", ({ target }) => {
    const known = /** @type {readonly string[]} */ (FORM);
    if (target instanceof HTMLInputElement && known.includes(target.id)) keep({ ...kept(), [target.id]: target.value });
  });
}

/** Buttons that are on or off become as they were. @param {string} id @param {string[]} values */
function pressSome(id, values) {
  for (const button of all(`[data-several="${id}"] button`)) button.setAttribute("aria-pressed", String(values.includes(String(button.dataset.value))));
  setProps(id, { data: values });
}

/** @param {string} id @param {any} value */
function restoreOne(id, value) {
  const menu = byId(`${id}-menu`), fold = byId(id)?.closest("details") || byId(`${id}-field`)?.closest("details");
  if (one(`[data-several="${id}"]`)) return pressSome(id, [value].flat());
  if (one(`[data-choice="${id}"] [role=radio]`)) return press(id, String(value));
  if (fold && typeof value === "string" && field(id)?.value !== value) fold.open = true;
  if (menu instanceof HTMLSelectElement) {
    menu.value = value;
    return setProps(id, { data: value });
  }
  return setProps(id, { value });
}

/** @param {Record<string, any>} values what `kept` gave before files filled the fields */
export function restore(values) {
  for (const [id, value] of Object.entries(values)) restoreOne(id, value);
}
