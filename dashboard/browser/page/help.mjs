// The dialog of keys, on every page.
import { ID } from "../contract.mjs";
import { around, byId } from "./dom.mjs";

/** @param {boolean} open */
export function showHelp(open) {
  const dialog = /** @type {HTMLDialogElement | null} */ (byId(ID.HELP));
  if (!dialog || dialog.open === open) return;
  if (open) dialog.showModal();
  else dialog.close();
}

export function listen() {
  document.addEventListener("click", (event) => {
    if (around(event, `#${ID.HELP_OPEN}`)) showHelp(true);
    if (around(event, `#${ID.HELP_CLOSE}`)) showHelp(false);
  });
}
