// What is to be drawn again when the window's width or the theme changes.

/** @type {(() => void)[]} */
const redraws = [];

/** @param {() => void} redraw */
export const whenResized = (redraw) => redraws.push(redraw);

export function redrawAll() {
  for (const redraw of redraws) redraw();
}

export function listen() {
  let width = window.innerWidth;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      width = window.innerWidth;
      redrawAll();
    }, 120);
  });
}
