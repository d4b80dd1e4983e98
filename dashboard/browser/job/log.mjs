// What the worker said while this page was open, the newest last.
import { ID } from "../contract.mjs";
import { byId, element } from "../page/dom.mjs";

const LINES = 200;

/** @param {string} words */
export function say(words) {
  const log = byId(ID.JOB_LOG);
  if (!log || !words || log.dataset.last === words) return;
  log.dataset.last = words;
  /** @type {HTMLElement} */ (log.parentElement).hidden = false;
  const follows = log.scrollTop + log.clientHeight > log.scrollHeight - 8;
  log.append(element("p", "", `${new Date().toLocaleTimeString("en-GB")}  ${words}`));
  while (log.children.length > LINES) log.firstChild?.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}
