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
    const link = document.getElementById("compare-link");
    if (!link) return;
    link.href = "/compare?ids=" + [...ticked].join(",");
    link.textContent = ticked.size ? `Compare ${ticked.size}` : "Compare";
    link.classList.toggle("disabled", ticked.size < 2);
    link.setAttribute("aria-disabled", String(ticked.size < 2));
  }

  document.addEventListener("input", (event) => { if (event.target.id === "filter") filter(); });
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[data-compare]");
    if (box) {
      const id = box.dataset.compare;
      if (!ticked.delete(id)) ticked.add(id);
      ticks();
    }
    const link = event.target.closest("#compare-link");
    if (link && ticked.size < 2) event.preventDefault();
  });

  window.dash_clientside.listing = {
    arrived() {
      requestAnimationFrame(() => { filter(); ticks(); });
      return window.dash_clientside.no_update;
    },
  };
})();
