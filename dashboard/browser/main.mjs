// All modules of the page: what listens, and what Dash calls.
import * as arrival from "./analysis/arrival.mjs";
import * as imageViews from "./analysis/image_views.mjs";
import * as keys from "./analysis/keys.mjs";
import * as panels from "./analysis/panels.mjs";
import * as planeMenus from "./analysis/plane_menus.mjs";
import * as pointing from "./analysis/selection.mjs";
import * as state from "./analysis/state.mjs";
import * as line from "./compare/line.mjs";
import * as compare from "./compare/page.mjs";
import * as saved from "./compare/saved.mjs";
import * as exporting from "./export/menus.mjs";
import * as describing from "./home/describing.mjs";
import * as story from "./home/story.mjs";
import * as thumbs from "./home/thumbs.mjs";
import { preload } from "./figures/plotly.mjs";
import * as redraw from "./figures/redraw.mjs";
import * as firstLook from "./job/first_look.mjs";
import { follow } from "./job/follow.mjs";
import * as choice from "./page/choice.mjs";
import { noUpdate } from "./page/dash.mjs";
import * as help from "./page/help.mjs";
import * as list from "./page/list.mjs";
import * as palette from "./page/palette.mjs";
import * as terms from "./page/terms.mjs";
import * as theme from "./page/theme.mjs";
import * as run from "./run/page.mjs";
import * as drops from "./upload/drops.mjs";
import * as earlier from "./upload/earlier.mjs";
import { budgetField, candidateChosen, familyFields, formChanged, nextStep, toldFields } from "./upload/form.mjs";
import * as found from "./upload/found.mjs";
import * as kept from "./upload/kept.mjs";
import { placeRefusal } from "./upload/refusals.mjs";
import * as weights from "./upload/weights.mjs";
import * as zone from "./upload/zone.mjs";

/** @type {Record<typeof import("./contract.mjs").CALLBACKS[number], (...given: any[]) => unknown>} */
const FUNCTIONS = {
  analysis_begins: arrival.begin,
  go_on: (/** @type {string | undefined} */ path) => path || undefined,
  plane_arrived: planeMenus.planeArrived,
  compare_drawn: compare.compareDrawn,
  compare_grid: compare.compareGrid,
  compare_saved: saved.showSaved,
  compare_address: compare.compareAddress,
  line_near: compare.lineNear,
  line_drawn: compare.lineDrawn,
  run_drawn: run.runDrawn,
  film_drawn: run.filmDrawn,
  job_follow: follow,
  list_arrived: list.listArrived,
  story_begins: story.begin,
  upload_next_step: nextStep,
  upload_family: familyFields,
  upload_told: toldFields,
  upload_budget: budgetField,
  form_changed: formChanged,
  refusal_placed: placeRefusal,
  candidate_chosen: candidateChosen,
  weights_drawn: weights.weightsDrawn,
};

/** What a function answers goes to Dash's output; nothing leaves it as it is. @param {(...given: any[]) => unknown} call */
const orNothing = (call) => (/** @type {any[]} */ ...given) => {
  const answer = call(...given);
  return answer === undefined ? noUpdate() : answer;
};

/** What listens on every page. */
const LISTENERS = [
  choice, compare, describing, drops, earlier, exporting, firstLook, found, help, imageViews, kept, keys, line, list, palette, panels, planeMenus,
  pointing, redraw, run, saved, state, story, terms, theme, thumbs, weights, zone,
];

/** The pages whose figures Plotly draws. */
const DRAWN = /^\/(analyses\/[^/]+|runs\/[^/]+|compare)$/;

/**
 * Called once, by boot.js, with what it asked the server for.
 * @param {arrival.Early | null} early
 */
export function start(early) {
  if (DRAWN.test(location.pathname)) preload();
  arrival.listen(early);
  for (const each of LISTENERS) each.listen();
  return Object.fromEntries(Object.entries(FUNCTIONS).map(([name, call]) => [name, orNothing(call)]));
}
