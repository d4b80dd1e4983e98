// The compared minima, as the server gave them.

/** @typedef {{ minima: { numbers: { id: string, name: string }, about: Record<string, any> }[] }} Items */

/** @type {Items | null} */
let items = null;

/** @param {Items | null} given */
export function keep(given) {
  items = given;
}

/** Every minimum with where it comes from. */
export const compared = () => (items?.minima || []).map(({ numbers: { id, name }, about }) => ({ id, name, ...about }));
