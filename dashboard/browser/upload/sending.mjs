// Files go straight to the API, never through Dash: small ones as one body, large ones in pieces.
import { problemOf } from "../page/fetching.mjs";
import { ADDRESS, zoneOf } from "./addresses.mjs";
import { PIECE, send as transfer } from "./transfer.mjs";
import { accepted, idle, refused, sending, showBegun } from "./zone.mjs";

/** @param {string} text @returns {Upload | null} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {HTMLElement} zone @param {XMLHttpRequest} request @param {string} name */
function answered(zone, request, name) {
  const upload = request.status >= 200 && request.status < 300 ? parsed(request.responseText) : null;
  if (upload) accepted(zone, upload, name);
  else refused(zone, name, problemOf(request.responseText, request.status));
}

/** By XMLHttpRequest, which tells its progress. @param {HTMLElement} zone @param {File} file */
function sendWhole(zone, file) {
  const request = new XMLHttpRequest();
  const { progress } = sending(zone, file, () => request.abort());
  request.upload.onprogress = (event) => progress(event.loaded, event.total);
  request.onload = () => answered(zone, request, file.name);
  request.onerror = () => refused(zone, file.name, { sentence: "The connection broke while sending.", advice: "Check that the server runs." });
  request.onabort = () => idle(zone);
  request.open("POST", `${ADDRESS[zoneOf(zone)]}?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.send(file);
}

/** @param {HTMLElement} zone @param {File} file */
async function sendPieces(zone, file) {
  const shown = sending(zone, file, () => run.stop()), run = transfer(file, zoneOf(zone), shown);
  try {
    const reply = await fetch(`${ADDRESS[zoneOf(zone)]}/${await run.done}`);
    accepted(zone, await reply.json(), file.name);
  } catch (error) {
    const why = /** @type {{ stopped?: true, problem?: Problem }} */ (error);
    if (!why.stopped) return refused(zone, file.name, why.problem || { sentence: "The connection broke while sending.", advice: "Choose the same file again to go on." });
    idle(zone);
    showBegun(zone);
  }
}

/** @param {HTMLElement} zone @param {File} file */
export const send = (zone, file) => (file.size > PIECE ? sendPieces : sendWhole)(zone, file);
