// The page's colours, by the names that figures give (minimascope/figures/theme.py).

// The palettes are in the page's own style sheet and never change: each name is read once a theme.
/** @type {Map<string, string>} */
const read = new Map();

/** @param {string} name */
export function colour(name) {
  const root = document.documentElement, key = root.dataset.theme + name;
  if (!read.has(key)) read.set(key, getComputedStyle(root).getPropertyValue("--" + name).trim());
  return /** @type {string} */ (read.get(key));
}

/**
 * The diverging scale as Plotly's stops.
 * @returns {[number, string][]}
 */
export function diverging() {
  const stops = colour("diverging").split(/\s+/);
  return stops.map((each, i) => [i / (stops.length - 1), each]);
}

/**
 * Runs `make` as if the page wore `palette`; nothing is painted in between.
 * @template Made
 * @param {"light" | "dark"} palette
 * @param {() => Made} make
 */
export function inPalette(palette, make) {
  const root = document.documentElement, worn = root.dataset.theme;
  root.dataset.theme = palette;
  try {
    return make();
  } finally {
    root.dataset.theme = worn;
  }
}
