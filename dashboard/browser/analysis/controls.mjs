// Buttons and tabs of the analysis page say what is chosen.
import { ID, TAB_LABELS } from "../contract.mjs";
import { all, byId, field, idOf } from "../page/dom.mjs";

/** @param {string} id @param {boolean} on */
const press = (id, on) => byId(id)?.setAttribute("aria-pressed", String(on));

/** @param {View} view */
export function showControls(view) {
  for (const button of all("[data-vector]")) button.setAttribute("aria-pressed", String(Number(button.dataset.vector) === view.vector));
  for (const button of all("[data-tab]")) {
    const chosen = button.dataset.tab === view.view;
    button.setAttribute("aria-selected", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
  }
  for (const side of all("[data-side]")) side.hidden = side.dataset.side !== view.view;
  press(ID.MARGINS_SWITCH, view.margins);
  press(ID.SIGN_SWITCH, view.flip);
  press(ID.LOG_SWITCH, view.log);
  press(ID.LINEAR_SWITCH, view.linear);
}

/** Tabs without a figure are not offered (the data have words too), a slider without curves not moved. @param {Payload} payload */
export function offer(payload) {
  for (const name of Object.keys(TAB_LABELS)) {
    const tab = byId(idOf("tab", name));
    if (tab && name !== "data") tab.hidden = !payload.figures[name];
  }
  const slider = field(ID.LAMBDA_SLIDER);
  if (slider && !payload.curves) slider.disabled = true;
}
