// Comparisons that were given a name, kept in this browser: their addresses say all of them.
import { ID } from "../contract.mjs";
import { announce } from "../page/announce.mjs";
import { around, byId, element, field } from "../page/dom.mjs";

const KEY = "comparisons";

/** @returns {Record<string, string>} */
export function saved() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) || "{}");
    return found && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

/** @param {Record<string, string>} all */
function keep(all) {
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
    return true;
  } catch {
    return false; // storage may be forbidden
  }
}

/** @param {string} name */
function save(name) {
  const url = new URL(location.href);
  url.searchParams.set("name", name);
  history.replaceState(history.state, "", url);
  const title = document.querySelector(".page-compare h1");
  if (title) title.textContent = name;
  announce(keep({ ...saved(), [name]: url.pathname + url.search }) ? "Saved in this browser" : "In the address; this browser stores nothing");
}

/** @param {string} name */
function forget(name) {
  keep(Object.fromEntries(Object.entries(saved()).filter(([each]) => each !== name)));
  showSaved();
}

/** The saved comparisons, on the page without any. */
export function showSaved() {
  const place = byId(ID.COMPARISONS), entries = Object.entries(saved());
  if (!place) return;
  if (!entries.length) return place.replaceChildren();
  const rows = entries.map(([name, href]) => {
    const remove = element("button", "tool", "Forget");
    remove.dataset.forget = name;
    return element("li", "", Object.assign(element("a", "", name), { href }), remove);
  });
  place.replaceChildren(element("h2", "", "Saved"), element("ul", "saved", ...rows));
}

export function listen() {
  document.addEventListener("click", (event) => {
    const name = (field(ID.COMPARISON_NAME)?.value || "").trim(), gone = around(event, "[data-forget]");
    if (around(event, `#${ID.COMPARISON_SAVE}`)) {
      if (name) save(name);
      else field(ID.COMPARISON_NAME)?.focus();
    }
    if (gone) forget(String(gone.dataset.forget));
  });
}
