// Files are dropped, or chosen, or here already.
import { around, byId, all, idOf, onPage } from "../page/dom.mjs";
import { ADDRESS, ZONES } from "./addresses.mjs";
import { again, forget } from "./again.mjs";
import { folderIn, sendFolder } from "./folders.mjs";
import { kept, restore } from "./kept.mjs";
import { send } from "./sending.mjs";
import { accepted, showBegun } from "./zone.mjs";

/** @param {HTMLElement} zone */
function choose(zone) {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = zone.dataset.accept || "";
  input.addEventListener("change", () => input.files?.[0] && send(zone, input.files[0]));
  input.click();
}

/** @param {Event} event */
const zoneAt = (event) => around(event, "[data-upload]");

/** @param {DragEvent} event */
function dragged(event) {
  const zone = zoneAt(event), given = event.dataTransfer, file = given?.files[0];
  event.preventDefault();
  for (const other of all(".drop.over")) if (other !== zone) other.classList.remove("over");
  if (!zone) return;
  zone.classList.toggle("over", event.type === "dragenter" || event.type === "dragover");
  if (event.type !== "drop" || !given || zone.dataset.state === "sending") return;
  const entries = folderIn(given);
  if (entries) sendFolder(zone, entries);
  else if (file) send(zone, file);
}

/** The upload page opened with ?checkpoint=id (and train, test) shows files that are here already. */
async function adopt() {
  if (!onPage("upload")) return;
  const before = kept(), adopted = [];
  for (const kind of ZONES) {
    const zone = byId(idOf("drop", kind)), id = new URLSearchParams(location.search).get(kind);
    if (!zone || zone.dataset.state) continue;
    zone.dataset.state = "idle";
    showBegun(zone);
    if (id) adopted.push(adoptOne(kind, zone, id));
  }
  if (!adopted.length) return;
  const [told] = await Promise.all([again(), ...adopted]);
  restore(told || before); // what was typed counts for more than what a file says
  if (told) forget();
}

/** @param {Zone} kind @param {HTMLElement} zone @param {string} id */
async function adoptOne(kind, zone, id) {
  const reply = await fetch(`${ADDRESS[kind]}/${encodeURIComponent(id)}`);
  if (reply.ok) accepted(zone, await reply.json());
}

export function listen() {
  document.addEventListener("click", (event) => {
    const zone = zoneAt(event);
    if (zone && zone.dataset.state !== "sending" && !around(event, "button")) choose(zone);
  });
  document.addEventListener("keydown", (event) => {
    const zone = zoneAt(event);
    if (!zone || event.target !== zone || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    choose(zone);
  });
  for (const name of /** @type {const} */ (["dragenter", "dragover", "dragleave", "drop"])) document.addEventListener(name, dragged);
  new MutationObserver(adopt).observe(document.documentElement, { childList: true, subtree: true });
  adopt();
}
