// Finding and making elements.
import { ID_OF } from "../contract.mjs";

/** @type {(id: string) => HTMLElement | null} */
export const byId = (id) => document.getElementById(id);

/** @type {(id: string) => HTMLInputElement | null} */
export const field = (id) => /** @type {HTMLInputElement | null} */ (byId(id));

/** @type {(id: string) => HTMLSelectElement | null} */
export const select = (id) => /** @type {HTMLSelectElement | null} */ (byId(id));

/**
 * The id of one of a family: `idOf("frame", "boundary")`.
 * @param {keyof typeof ID_OF} family
 * @param {string} name
 */
export const idOf = (family, name) => ID_OF[family].replace("{}", () => name);

/**
 * Every element a selector finds, as HTML elements.
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {HTMLElement[]}
 */
export const all = (selector, within = document) => [...within.querySelectorAll(/** @type {"div"} */ (selector))];

/**
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {HTMLElement | null}
 */
export const one = (selector, within = document) => within.querySelector(selector);

/** Whether this page is shown: `analysis`, `compare`, `upload`. @param {string} name */
export const onPage = (name) => document.querySelector(`.page-${name}`) !== null;

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined)));
  return made;
}

/** A heading cell of a table. @param {string} words @param {"col" | "row"} scope */
export function heading(words, scope = "col") {
  const cell = element("th", "", words);
  cell.scope = scope;
  return cell;
}

/**
 * A notice that is read out: a lead and what follows it.
 * @param {"bad" | "warn"} tone
 * @param {string[]} words
 */
export function alertBox(tone, [lead, ...rest]) {
  const box = element("div", `notice notice-${tone}`, element("p", "notice-lead", lead));
  box.append(...rest.map((said) => element("p", "", said)));
  box.setAttribute("role", "alert");
  return box;
}

/** One sentence in the place of an error. @param {string} id @param {string} sentence */
export function refuse(id, sentence) {
  const box = element("div", "notice notice-bad", sentence);
  box.setAttribute("role", "alert");
  byId(id)?.replaceChildren(box);
}

/** @param {unknown} error */
export const messageOf = (error) => String(error instanceof Error ? error.message : error);

/** The nearest element around an event's target that a selector finds. @param {Event} event @param {string} selector */
export function around(event, selector) {
  const target = event.target;
  return target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(selector)) : null;
}
