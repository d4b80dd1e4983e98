// The list: filter as you type, tick to compare; ticks survive the list's renewal.
window.dash_clientside = window.dash_clientside || {};
(function () {
  const ticked = new Set();

  function filter() {
    const field = document.querySelector("input#filter");
    const words = (field ? field.value : "").toLowerCase();
    for (const row of document.querySelectorAll("[data-row]")) row.hidden = !row.dataset.row.includes(words);
  }

  function ticks() {
    for (const box of document.querySelectorAll("[data-compare]"))
      box.setAttribute("aria-checked", String(ticked.has(box.dataset.compare)));
    const button = document.getElementById("compare-button");
    if (!button) return;
    for (const id of ticked) if (!document.querySelector(`[data-compare="${id}"]`)) ticked.delete(id);
    button.textContent = ticked.size > 1 ? `Compare ${ticked.size}` : "Compare";
    button.disabled = ticked.size < 2;
  }

  document.addEventListener("input", (event) => { if (event.target.id === "filter") filter(); });
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-compare]");
    if (box) {
      const id = box.dataset.compare;
      if (!ticked.delete(id)) ticked.add(id);
      ticks();
    }
    if (event.target.closest("#compare-button") && ticked.size > 1)
      dash_clientside.set_props("here", { href: "/compare?ids=" + [...ticked].join(",") });
  });

  window.dash_clientside.listing = {
    arrived() {
      requestAnimationFrame(() => { filter(); ticks(); });
      return window.dash_clientside.no_update;
    },
  };
})();
