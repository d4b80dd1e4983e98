// What clicks and brushes in the plots of the analysis page do.
import { ID, ROLE } from "../contract.mjs";
import { brushes, clicks } from "../figures/pictures.mjs";
import { is } from "../figures/roles.mjs";
import { unsymlog } from "../figures/symlog.mjs";
import { countBetween } from "./readouts.mjs";
import { pin, set, state } from "./state.mjs";

/** @param {{ x: number[] }} range */
function brushed({ x }) {
  const { payload, view } = state;
  if (!payload) return;
  const { linear } = payload.figures.spectrum.layout.meta;
  const [low, high] = [...x].sort((a, b) => a - b).map((place) => (view.log ? place : unsymlog(place, linear)));
  countBetween(payload, low, high);
}

/** The point of the training set that a drawn point is. @param {{ data: Trace, customdata?: any }} point */
function pinned({ data, customdata }) {
  if (is(data, ROLE.POINTS) && customdata) pin(customdata[0]);
}

export function listen() {
  clicks[ID.SPECTRUM] = ({ data, customdata }) => {
    if (is(data, ROLE.EIGENVALUES, ROLE.ON_ALL)) set({ vector: customdata[0] });
  };
  clicks[ID.BOUNDARY] = pinned;
  clicks[ID.GAP] = ({ x }) => {
    if (x > 0) set({ lambda: x });
  };
  clicks[ID.DETAIL] = (point) => {
    if (state.view.view === "data") pinned(point);
  };
  brushes[ID.SPECTRUM] = brushed;
}
