// Buttons and tabs of the analysis page say what is chosen.
import { GROUPS, ID, TAB_LABELS } from "../contract.mjs";
import { all, byId, field, idOf } from "../page/dom.mjs";

/** @param {string} id @param {boolean} on */
const press = (id, on) => byId(id)?.setAttribute("aria-pressed", String(on));

/** The group of details that a part belongs to. @param {string} part */
export const groupOf = (part) =>
  Object.entries(GROUPS).find(([, parts]) => /** @type {readonly string[]} */ (parts).includes(part))?.[0] || "";

/** @param {string} group */
function showGroup(group) {
  for (const head of all("[data-group]")) {
    const open = head.dataset.group === group;
    head.setAttribute("aria-selected", String(open));
    head.tabIndex = open ? 0 : -1;
  }
  for (const body of all("[data-parts]")) body.hidden = body.dataset.parts !== group;
  for (const panel of all(".panel-gap")) panel.hidden = group !== "gap";
}

/** @param {View} view */
export function showControls(view) {
  for (const button of all("[data-vector]")) button.setAttribute("aria-pressed", String(Number(button.dataset.vector) === view.vector));
  for (const button of all("[data-tab]")) button.setAttribute("aria-pressed", String(button.dataset.tab === view.view));
  showGroup(groupOf(view.view));
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
