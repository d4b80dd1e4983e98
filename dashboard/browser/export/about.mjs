// What every file says about where it comes from.
import { compared } from "../compare/minima.mjs";
import { onPage } from "../page/dom.mjs";
import { state } from "../analysis/state.mjs";

/** The analysis, its parameters, seed and versions; on the compare page, of every minimum. @returns {Record<string, any>} */
export function about() {
  const page = onPage("compare") ? { compared: compared() } : state.payload?.about;
  return { ...page, address: location.href };
}

/** @param {string} plot @param {string} kind */
export function filename(plot, kind) {
  const [, id] = location.pathname.match(/analyses\/([^/]+)/) || [null, "compare"];
  return `minimascope-${id.slice(0, 12)}-${plot}.${kind}`;
}
