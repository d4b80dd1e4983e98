// What can be done to a row of the list: described, pinned, copied, deleted.
import { ID } from "../contract.mjs";
import { announce } from "../page/announce.mjs";
import { setProps } from "../page/dash.mjs";
import { around, byId, element } from "../page/dom.mjs";
import { problemOf } from "../page/fetching.mjs";

const FIELDS = /** @type {const} */ ([
  ["name", "Name", 200], ["project", "Project", 80], ["tags", "Tags, separated by commas", 400], ["notes", "Notes", 10000],
]);

let described = "";

const dialog = () => /** @type {HTMLDialogElement | null} */ (byId(ID.DESCRIBE));

/** @param {string} words */
function say(words) {
  const place = byId(ID.DESCRIBE_PROBLEM);
  if (place) place.textContent = words;
}

/** Whether the server did it; what it refuses is said. @param {string} method @param {string} path @param {object} [body] */
async function ask(method, path, body) {
  const headers = body ? { "content-type": "application/json" } : undefined;
  const reply = await fetch(`/api/v1/analyses/${path}`, { method, headers, body: body && JSON.stringify(body) }).catch(() => null);
  if (reply?.ok) return "";
  return problemOf(reply ? await reply.text() : "", reply?.status || 0).sentence;
}

/** The list is asked for again at once. */
const renew = () => setProps(ID.LISTING_TICK, { n_intervals: Date.now() });

/** @param {string} name @param {string} words @param {number} most @param {string} value */
function fieldOf(name, words, most, value) {
  const input = document.createElement(name === "notes" ? "textarea" : "input");
  Object.assign(input, { id: `describe-${name}`, value, maxLength: most });
  const label = Object.assign(element("label", "", words), { htmlFor: input.id });
  return element("div", "field", label, input);
}

/** @param {HTMLElement} button */
function open(button) {
  described = String(button.dataset.id);
  const said = JSON.parse(button.dataset.said || "{}"), place = byId(ID.DESCRIBE_FIELDS);
  place?.replaceChildren(...FIELDS.map(([name, words, most]) => fieldOf(name, words, most, name === "tags" ? (said.tags || []).join(", ") : said[name] || "")));
  say("");
  dialog()?.showModal();
}

/** @param {string} name */
const typed = (name) => (/** @type {HTMLInputElement | null} */ (byId(`describe-${name}`))?.value || "").trim();

async function save() {
  const tags = typed("tags").split(",").map((tag) => tag.trim()).filter(Boolean);
  const refused = await ask("PATCH", described, { name: typed("name"), project: typed("project"), notes: typed("notes"), tags: [...new Set(tags)] });
  if (refused) return say(refused);
  dialog()?.close();
  renew();
}

/** @param {string} refused @param {string} done */
function tell(refused, done) {
  announce(refused || done);
  if (!refused) renew();
}

/** @type {Record<string, (button: HTMLElement, id: string) => unknown>} */
const ACTS = {
  describe: (button) => open(button),
  pin: async (_, id) => tell(await ask("PUT", `${id}/pin`), "Pinned"),
  unpin: async (_, id) => tell(await ask("DELETE", `${id}/pin`), "No longer pinned"),
  copy: async (_, id) => {
    await navigator.clipboard.writeText(id);
    announce("Copied");
  },
  delete: async (button, id) => {
    if (!confirm(`Delete ${button.dataset.name} with its results? Its files stay.`)) return;
    tell(await ask("DELETE", id), "Deleted");
  },
};

export function listen() {
  document.addEventListener("click", (event) => {
    const button = around(event, "[data-act]");
    if (button) {
      button.closest("details")?.removeAttribute("open");
      ACTS[String(button.dataset.act)]?.(button, String(button.dataset.id));
    }
    if (around(event, `#${ID.DESCRIBE_SAVE}`)) save();
    if (around(event, `#${ID.DESCRIBE_CLOSE}`)) dialog()?.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && around(event, `#${ID.DESCRIBE} input`)) save();
  });
}
