// Times in the reader's own zone, and how long ago where that is less than a day.
import { all } from "./dom.mjs";

const STEPS = /** @type {const} */ ([[86400, 3600, "h"], [3600, 60, "min"]]);

/** @param {Date} then @param {number} now milliseconds */
export function timeWords(then, now) {
  const seconds = (now - then.getTime()) / 1000;
  for (const [below, unit, name] of STEPS) if (seconds >= unit && seconds < below) return `${Math.floor(seconds / unit)} ${name} ago`;
  if (seconds >= 0 && seconds < 60) return "just now";
  return then.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

export function showTimes() {
  for (const place of all("time[datetime]")) {
    const then = new Date(/** @type {HTMLTimeElement} */ (place).dateTime);
    if (isNaN(then.getTime())) continue;
    place.textContent = timeWords(then, Date.now());
    place.title = then.toLocaleString("en-GB");
  }
}
