// As much of a browser as modules ask for when they are loaded and when they draw.
const nothing = () => {};
const dataset = { theme: "light" };

class Observer {
  observe() {}
}

/** @param {Record<string, string>} kept */
export const storage = (kept = {}) =>
  Object.defineProperties(kept, {
    getItem: { value: (/** @type {string} */ key) => kept[key] ?? null },
    setItem: { value: (/** @type {string} */ key, /** @type {string} */ value) => { kept[key] = value; } },
    removeItem: { value: (/** @type {string} */ key) => { delete kept[key]; } },
  });

export function stand(address = "http://localhost/") {
  const document = {
    documentElement: { dataset }, head: { append: nothing }, addEventListener: nothing,
    createElement: () => ({}), getElementById: () => null, querySelector: () => null, querySelectorAll: () => [],
  };
  const window = { addEventListener: nothing, innerWidth: 1000, dash_clientside: { no_update: "no update" } };
  const styles = () => ({ getPropertyValue: (/** @type {string} */ name) => (name === "--diverging" ? "#000000 #ffffff" : name) });
  const globals = {
    document, window, location: new URL(address), localStorage: storage(), MutationObserver: Observer, IntersectionObserver: Observer,
    getComputedStyle: styles, matchMedia: () => ({ matches: true }),
  };
  // Defined, not assigned: newer nodes have some of these and guard them.
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
