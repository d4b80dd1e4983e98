// The raw report is fetched when its tab is first opened.
window.minimascope = window.minimascope || {};
(function (ms) {
  ms.showRaw = async function (view) {
    const place = document.querySelector(".raw");
    if (!place || view.view !== "raw" || place.dataset.of === ms.state.payload.about.id) return;
    place.dataset.of = ms.state.payload.about.id;
    const reply = await fetch(`/api/v1/analyses/${place.dataset.of}/report`);
    place.textContent = reply.ok ? JSON.stringify(await reply.json(), null, 2) : `The report could not be read (${reply.status}).`;
  };
})(window.minimascope);
