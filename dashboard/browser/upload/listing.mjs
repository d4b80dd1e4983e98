// Weights that are no fully connected network's: what they allow is listed as soon as data are there.
import { byId } from "../page/dom.mjs";
import { pause } from "../page/fetching.mjs";

const AFTER = 300; // milliseconds: the stores have their files by then

/** @type {Map<Zone, Upload>} */
const there = new Map();
/** The files that were listed for. */
let listed = "";

/** @param {Upload | undefined} upload */
export function isConvolutional(upload) {
  const layers = /** @type {{ shape: number[] }[]} */ (upload?.inspection.summary?.layers || []);
  return layers.some(({ shape }) => shape.length > 2);
}

/** @param {Zone} zone @param {Upload | null} upload @param {boolean} whole whether the file holds its network */
export async function listWhenBoth(zone, upload, whole) {
  if (upload && upload.inspection.state === "ok" && !(zone === "checkpoint" && whole)) there.set(zone, upload);
  else there.delete(zone);
  const [checkpoint, train] = [there.get("checkpoint"), there.get("train")];
  const both = checkpoint && train ? `${checkpoint.id} ${train.id}` : "";
  if (!both || both === listed || !isConvolutional(checkpoint)) return;
  listed = both;
  await pause(AFTER);
  byId("up-list")?.click();
}
