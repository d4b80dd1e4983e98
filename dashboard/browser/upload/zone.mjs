// What a drop zone shows, and what the page is told of its file.
import { ID } from "../contract.mjs";
import { setProps } from "../page/dash.mjs";
import { around, element, idOf, one } from "../page/dom.mjs";
import { pause } from "../page/fetching.mjs";
import { size, thin } from "../page/numbers.mjs";
import { ADDRESS, ofTraining, zoneOf } from "./addresses.mjs";
import { showFound } from "./found.mjs";
import { press } from "./form.mjs";
import { intoAddress, kept } from "./kept.mjs";
import { isConvolutional, listWhenBoth } from "./listing.mjs";
import { propose } from "./proposing.mjs";
import { unfinished } from "./unfinished.mjs";

const POLL_MILLISECONDS = 1000;
const WHOLE = ["pt2", "huggingface"]; // formats that hold their network
let chosen = false; // an architecture or activation, by a person's own hand

/** @param {string} words */
export const hint = (words) => element("span", "drop-hint", words);

/** @param {string} name */
const named = (name) => element("span", "drop-name", name);

/** @param {HTMLElement} zone @param {string} state @param {...Node} children */
export function live(zone, state, ...children) {
  zone.dataset.state = state;
  one(".drop-live", zone)?.replaceChildren(...children);
}

/** @param {HTMLElement} zone @param {Upload | null} upload */
function tell(zone, upload) {
  showFound(zoneOf(zone), upload);
  if (ofTraining(zoneOf(zone))) propose(zoneOf(zone), upload);
  setProps(idOf("uploaded", zoneOf(zone)), { data: upload });
  intoAddress(zoneOf(zone), upload);
  listWhenBoth(zoneOf(zone), upload, WHOLE.includes(upload?.inspection.format || ""));
}

/** Nothing is in it, and nothing on its way. @param {HTMLElement} zone */
export function idle(zone) {
  live(zone, "idle");
  tell(zone, null);
}

/** @param {HTMLElement} zone @param {string} name @param {Problem} problem */
export function refused(zone, name, { sentence, advice }) {
  const again = hint("Drop another file, or click to choose.");
  live(zone, "refused", named(name), element("span", "drop-problem", sentence), hint(advice || ""), again);
  tell(zone, null);
}

/** @param {Upload} upload */
function summary({ size: bytes, inspection }) {
  const found = inspection.summary || {}, count = found.parameters || found.n || found.examples;
  const parts = [size(bytes), inspection.format];
  if (typeof count === "number") parts.push(`${thin(count)} ${found.parameters ? "parameters" : "examples"}`);
  if (found.classes) parts.push(`${found.classes} classes`);
  return parts.filter(Boolean).join(" · ");
}

/** A busy worker has not looked at it yet: ask again until it has. @param {HTMLElement} zone @param {Upload} upload @param {string} name */
async function wait(zone, upload, name) {
  live(zone, "checking", named(name), hint("Waiting for a worker to check the file…"));
  tell(zone, upload);
  for (;;) {
    await pause(POLL_MILLISECONDS);
    if (!document.contains(zone) || zone.dataset.state !== "checking") return;
    const reply = await fetch(`${ADDRESS[zoneOf(zone)]}/${upload.id}`).catch(() => null);
    const now = reply?.ok ? await reply.json() : upload;
    if (now.inspection.state !== "pending" && zone.dataset.state === "checking") return accepted(zone, now, name);
  }
}

/**
 * The name is the one it was dropped under: the store keeps the name of the first identical file.
 * @param {HTMLElement} zone
 * @param {Upload} upload
 * @returns {unknown}
 */
export function accepted(zone, upload, name = upload.name) {
  const { state, problem, format } = upload.inspection;
  if (state === "refused" && problem) return refused(zone, name, problem);
  if (state === "pending") return wait(zone, upload, name);
  live(zone, "done", named(name), hint(summary(upload)));
  tell(zone, upload);
  if (zoneOf(zone) === "checkpoint") pressFamily(format, upload);
}

/** A person's own choice, now or before a reload, stays; a file that holds its network has but one. @param {string} format @param {Upload} upload */
function pressFamily(format, upload) {
  if (WHOLE.includes(format)) press(ID.UP_FAMILY, "file");
  else if (isConvolutional(upload) && !chosen && !kept()[ID.UP_FAMILY]) press(ID.UP_FAMILY, "sequential");
}

export function listen() {
  const own = [ID.UP_FAMILY, ID.UP_ACTIVATION].map((id) => `[data-choice="${id}"]`).join();
  document.addEventListener("click", (event) => {
    if (event.isTrusted && around(event, own)) chosen = true;
  });
}

/** A transfer that a reload or a stop ended goes on when the same file is chosen again. @param {HTMLElement} zone */
export function showBegun(zone) {
  const place = one(".drop-idle", zone), words = one(".drop-begun", zone) || element("span", "drop-hint drop-begun");
  const found = unfinished(zoneOf(zone));
  words.textContent = found.map(({ name, share }) => `${name}: ${Math.floor(100 * share)} % has arrived. Choose it again to go on.`).join(" ");
  place?.append(words);
}

/**
 * The zone while a file is on its way; `stop` ends it. Answers what shows progress.
 * @param {HTMLElement} zone
 * @param {File} file
 * @param {() => void} stop
 */
export function sending(zone, file, stop) {
  const bar = element("progress", "drop-bar"), words = hint("0 %"), button = element("button", "tool", "Stop");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", `Sending ${file.name}`);
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    stop();
  });
  live(zone, "sending", named(file.name), bar, words, button);
  return {
    progress: (/** @type {number} */ sent, total = file.size) => {
      bar.value = sent / total;
      words.textContent = sent === total ? "Checking the file…" : `${Math.floor(100 * bar.value)} % of ${size(total)}`;
    },
    waiting: () => {
      words.textContent = "The connection broke; trying again…";
    },
  };
}
