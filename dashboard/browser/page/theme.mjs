// The toggle between dark and light: figures are recoloured in place.
import { ID } from "../contract.mjs";
import { redrawAll } from "../figures/redraw.mjs";
import { around } from "./dom.mjs";

function toggle() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // this visit only
  }
  redrawAll();
}

export function listen() {
  document.addEventListener("click", (event) => {
    if (around(event, `#${ID.THEME_TOGGLE}`)) toggle();
  });
}
