// A refusal stands at the field it is about as well, until something changes.
import { ID } from "../contract.mjs";
import { all, byId, element, one } from "../page/dom.mjs";
import { pause } from "../page/fetching.mjs";

function clear() {
  for (const said of all(".field-refusal")) said.remove();
  for (const field of all(".refused-field")) field.classList.remove("refused-field");
}

/** Where a field is on the page: its own box, or a zone's. @param {string} id */
const boxOf = (id) => byId(`${id}-field`) || byId(id)?.closest(".described") || byId(id);

/** What the start was answered has come, or has gone. */
export async function placeRefusal() {
  await pause(); // the page gets it after this
  clear();
  const notice = one(`#${ID.UP_PROBLEM} [data-of]`), box = notice && boxOf(String(notice.dataset.of));
  if (!notice || !box) return;
  const fold = box.closest("details");
  if (fold) fold.open = true;
  box.classList.add("refused-field");
  box.append(element("p", "field-refusal", one(".notice-lead", notice)?.textContent || ""));
  box.scrollIntoView({ block: "center" });
}
