// Large files in pieces (tus 1.0 at /api/v1/uploads): a broken connection, a stop or a reload costs
// the piece that was on its way.
import { problemOf } from "../page/fetching.mjs";
import { Upload as Transfer } from "../vendor/tus.mjs";
import { ofTraining } from "./addresses.mjs";
import { forget, keep, kept, keyOf } from "./unfinished.mjs";

export const PIECE = 8 << 20;
const ENDPOINT = "/api/v1/uploads";
const PAUSES = [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000, 15000]; // ms, until something arrives again
const GONE = [404, 410]; // a transfer that the server no longer keeps
const BROKE = { sentence: "The connection broke while sending.", advice: "What has arrived is kept for a day: choose the same file again to go on." };

/** What may pass by itself: no answer, a transfer that is held elsewhere, a server that is away. @param {number} status */
export const isPassing = (status) => status === 0 || status === 409 || status === 423 || status >= 502;

/** An answer to the question what has arrived. */
class Refused extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`answered ${status}`);
    this.status = status;
  }
}

/**
 * tus-js-client begins anew where looking up a transfer fails in any way; only one that is no longer
 * there is lost, any other answer must not cost what has arrived.
 * @param {{ getMethod(): string }} request
 * @param {{ getStatus(): number }} response
 */
function keepArrived(request, response) {
  const status = response.getStatus();
  if (request.getMethod() === "HEAD" && status >= 400 && !GONE.includes(status)) throw new Refused(status);
}

/** @param {any} error of tus-js-client */
const statusOf = (error) => error.originalResponse?.getStatus() ?? error.causingError?.status ?? 0;

/** @param {any} error @returns {Problem} */
function problem(error) {
  const status = statusOf(error);
  return isPassing(status) ? BROKE : problemOf(error.originalResponse?.getBody() || "", status);
}

/** What is known to have arrived at an address. @param {string} key @param {string | null} url */
function shareOf(key, url) {
  const known = kept(key);
  return known?.url === url ? known.share : 0;
}

/** The id of the upload that a finished transfer became. @param {string} url */
async function uploaded(url) {
  const reply = await fetch(url, { headers: { "tus-resumable": "1.0.0" } });
  if (!reply.ok) throw { problem: problemOf(await reply.text(), reply.status) };
  return (await reply.json()).upload;
}

/**
 * Sends a file. `done` resolves with the id of the upload, or rejects with {stopped} or {problem};
 * `stop` ends it and keeps what came.
 * @param {File} file
 * @param {Zone} zone
 * @param {{ progress: (bytes: number) => void, waiting: () => void }} tell
 * @returns {{ done: Promise<string>, stop: () => void }}
 */
export function send(file, zone, { progress, waiting }) {
  const key = keyOf(file, zone);
  /** @type {(reason: { stopped?: true, problem?: Problem }) => void} */
  let reject;
  /** @type {Transfer} */
  let upload;
  const sent = new Promise((resolve, failed) => {
    reject = failed;
    upload = new Transfer(file, {
      endpoint: ENDPOINT,
      uploadUrl: kept(key)?.url || null,
      chunkSize: PIECE,
      retryDelays: PAUSES,
      storeFingerprintForResuming: false, // kept by `unfinished`, which knows the zone and the share
      metadata: { filename: file.name, kind: ofTraining(zone) ? "checkpoint" : "dataset" },
      onProgress: progress,
      onUploadUrlAvailable: () => keep(key, String(upload.url), shareOf(key, upload.url)),
      onChunkComplete: (_, arrived, total) => keep(key, String(upload.url), arrived / (total || file.size)),
      onAfterResponse: keepArrived,
      onShouldRetry: (error) => {
        if (!isPassing(statusOf(error))) return false;
        waiting();
        return true;
      },
      onSuccess: resolve,
      onError: (error) => failed({ problem: problem(error) }),
    });
    upload.start();
  });
  const stop = () => {
    upload.abort();
    reject({ stopped: true });
  };
  const done = sent.then(() => uploaded(String(upload.url))).then((id) => {
    forget(key);
    return id;
  });
  return { done, stop };
}
