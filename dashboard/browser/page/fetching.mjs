// Asking the server: patiently, and for sentences where it refuses.
const WAITS = [500, 1500, 4500];

/**
 * A server that is busy (503), or away for a moment, is asked again; `first` is a reply on its way.
 * @param {string} address
 * @param {Promise<Response> | null} [first]
 */
export async function patientFetch(address, first = null) {
  for (const wait of WAITS) {
    const reply = await (first || fetch(address)).catch(() => null);
    if (reply && reply.status !== 503) return reply;
    first = null;
    await pause(wait);
  }
  return fetch(address);
}

/** @param {number} [milliseconds] */
export const pause = (milliseconds = 0) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * The problem document of an answer, or a sentence in its place.
 * @param {string} text
 * @param {number} status
 * @returns {Problem}
 */
export function problemOf(text, status) {
  try {
    const body = JSON.parse(text);
    if (body.sentence) return body;
  } catch {
    // said below
  }
  return { sentence: `The server answered ${status} without saying why.`, advice: "Try again." };
}
