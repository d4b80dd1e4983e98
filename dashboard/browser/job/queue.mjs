// What a queued job waits for: the analyses before it.
import { one } from "../page/dom.mjs";
import { ID } from "../contract.mjs";

const MOST = 50; // of one state that are looked at

/** @param {Analysis["state"]} state @returns {Promise<Analysis[]>} */
async function inState(state) {
  const reply = await fetch(`/api/v1/analyses?state=${state}&limit=${MOST}`).catch(() => null);
  return reply?.ok ? (await reply.json()).items : [];
}

/** Others' are not listed to everybody. @param {number} running @param {number} waiting */
export function beforeWords(running, waiting) {
  const count = running + waiting;
  return count ? `Before it, of those you see: ${count === 1 ? "one analysis" : `${count} analyses`}, ${running} running.` : "";
}

/** Says what is before a queued job, under its bar. @param {Analysis} analysis */
export async function sayWhatIsBefore({ id, state, created_at: created }) {
  if (state !== "queued") return;
  const [running, queued] = await Promise.all([inState("running"), inState("queued")]);
  const place = one(`#${ID.JOB_LIVE} .job-head:has(.state-queued) .job-message`);
  if (place) place.textContent = beforeWords(running.length, queued.filter((each) => each.id !== id && each.created_at < created).length);
}
