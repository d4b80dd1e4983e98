// Radio groups, selects, buttons that are on or off: what is chosen goes into the store they name.
import { ID, NEEDS_SPECTRUM } from "../contract.mjs";
import { all, around } from "./dom.mjs";
import { setProps } from "./dash.mjs";

/** @type {Record<string, number>} */
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** @param {HTMLElement} button */
function choose(button) {
  const group = /** @type {HTMLElement} */ (button.closest("[data-choice]"));
  for (const other of all("[role=radio]", group)) {
    other.setAttribute("aria-checked", String(other === button));
    other.tabIndex = other === button ? 0 : -1;
  }
  setProps(String(group.dataset.choice), { data: button.dataset.value });
}

/**
 * What a stage takes with it: an eigenvector has to be there before it can be used.
 * @param {string} stage
 * @param {boolean} on
 * @returns {readonly string[]}
 */
export function followers(stage, on) {
  if (stage === "spectrum") return on ? [] : NEEDS_SPECTRUM;
  return on && /** @type {readonly string[]} */ (NEEDS_SPECTRUM).includes(stage) ? ["spectrum"] : [];
}

/** @param {HTMLElement} button */
function press(button) {
  const group = /** @type {HTMLElement} */ (button.closest("[data-several]"));
  const name = String(group.dataset.several), value = String(button.dataset.value);
  const on = button.getAttribute("aria-pressed") !== "true";
  const also = name === ID.UP_STAGES ? followers(value, on) : [];
  for (const each of [value, ...also]) group.querySelector(`[data-value="${each}"]`)?.setAttribute("aria-pressed", String(on));
  setProps(name, { data: all("[aria-pressed=true]", group).map((each) => each.dataset.value) });
}

/** @param {KeyboardEvent} event */
function step(event) {
  const from = around(event, "[data-choice] [role=radio]"), by = STEPS[event.key];
  if (!by || !from || from !== event.target) return;
  event.preventDefault();
  const group = /** @type {HTMLElement} */ (from.closest("[data-choice]"));
  const buttons = all("[role=radio]", group);
  const next = buttons[(buttons.indexOf(from) + by + buttons.length) % buttons.length];
  next.focus();
  choose(next);
}

export function listen() {
  document.addEventListener("click", (event) => {
    const radio = around(event, "[data-choice] [role=radio]");
    if (radio) choose(radio);
    const button = around(event, "[data-several] button");
    if (button) press(button);
  });
  document.addEventListener("keydown", step);
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target instanceof HTMLSelectElement && target.dataset.choice) setProps(target.dataset.choice, { data: target.value });
  });
}
