// What the worker said of a job, the newest last; what this tab heard before a reload stays.
import { ID } from "../contract.mjs";
import { byId, element } from "../page/dom.mjs";

const LINES = 200;

/** @typedef {[string, string]} Line a time and words */

/** The job whose log it is. */
let key = "";

/** @returns {Line[]} */
function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) || "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

/** @param {Line} line */
function keep(line) {
  try {
    sessionStorage.setItem(key, JSON.stringify([...kept(), line].slice(-LINES)));
  } catch {
    // this page only
  }
}

/** @param {Line} line */
function write([time, words]) {
  const log = byId(ID.JOB_LOG);
  if (!log) return false;
  log.dataset.last = words;
  /** @type {HTMLElement} */ (log.parentElement).hidden = false;
  const follows = log.scrollTop + log.clientHeight > log.scrollHeight - 8;
  log.append(element("p", "", `${time}  ${words}`));
  while (log.children.length > LINES) log.firstChild?.remove();
  if (follows) log.scrollTop = log.scrollHeight;
  return true;
}

/** The log of a job begins with what was heard of it before. @param {string} job */
export function logOf(job) {
  key = `log ${job}`;
  if (!byId(ID.JOB_LOG)?.children.length) kept().forEach(write);
}

/** @param {string} words */
export function say(words) {
  if (!words || byId(ID.JOB_LOG)?.dataset.last === words) return;
  /** @type {Line} */
  const line = [new Date().toLocaleTimeString("en-GB"), words];
  if (write(line)) keep(line);
}
