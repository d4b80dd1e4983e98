// A word to whoever looks or listens, for a moment.
import { ID } from "../contract.mjs";
import { byId } from "./dom.mjs";

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {string} words */
export function announce(words) {
  const place = byId(ID.ANNOUNCE);
  if (!place) return;
  place.textContent = words;
  place.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("shown"), 1800);
}
