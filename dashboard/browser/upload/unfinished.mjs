// What was begun here and not ended: found again by the file's name, size and date after a reload.
// The server alone knows how much has arrived; what is kept here is where to ask, and a hint.
import { TRANSFER_SECONDS } from "../contract.mjs";

const PREFIX = "minimascope-transfer ";

/** @typedef {{ url: string, share: number, until: number }} Kept */

/** @param {string} key @returns {Kept | null} */
export function kept(key) {
  try {
    return JSON.parse(localStorage.getItem(key) || "null");
  } catch {
    return null;
  }
}

/** @param {string} key @param {Kept | null} value */
function put(key, value) {
  try {
    if (value) localStorage.setItem(key, JSON.stringify(value));
    else localStorage.removeItem(key);
  } catch {
    // no storage: nothing to resume after a reload
  }
}

/** @param {{ name: string, size: number, lastModified: number }} file @param {Zone} zone */
export const keyOf = (file, zone) => `${PREFIX}${zone} ${file.size} ${file.lastModified} ${file.name}`;

/** @param {string} key @param {string} url @param {number} share of the file that has arrived */
export const keep = (key, url, share) => put(key, { url, share, until: Date.now() + 1000 * TRANSFER_SECONDS });

/** @param {string} key */
export const forget = (key) => put(key, null);

function keys() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}

/** Of one zone: names of files and the share that has arrived. @param {Zone} zone */
export function unfinished(zone) {
  return keys().filter((key) => key.startsWith(`${PREFIX}${zone} `)).flatMap((key) => {
    const found = kept(key);
    if (found && found.until >= Date.now()) return [{ name: key.slice(PREFIX.length).split(" ").slice(3).join(" "), share: found.share }];
    forget(key);
    return [];
  });
}
