// A folder dropped on a zone is sent as one file: a model's folder, shards, images by class, tables.
import { FOLDER } from "../contract.mjs";
import { element } from "../page/dom.mjs";
import { ofTraining, zoneOf } from "./addresses.mjs";
import { zipped } from "./packing.mjs";
import { send } from "./sending.mjs";
import { hint, live, refused } from "./zone.mjs";

/** @typedef {import("./packing.mjs").Found} Found */

const FILES_MOST = 50000;
const SHOWN = 6;

/** @param {string} path */
const leaf = (path) => path.slice(path.lastIndexOf("/") + 1);

/** @param {Found} found @param {readonly string[]} endings */
const ends = ({ path }, endings) => endings.some((ending) => path.toLowerCase().endsWith(ending));

/** @param {Found} found */
const ofTrainer = ({ path }) => /** @type {readonly string[]} */ (FOLDER.TRAINER).includes(leaf(path));

/** The files that count among those of a folder. @param {Found[]} files @param {boolean} training */
export function counted(files, training) {
  const seen = files.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  if (!training) return seen.filter((each) => ends(each, FOLDER.DATA));
  const shards = files.filter((each) => ends(each, [FOLDER.SHARD]) || leaf(each.path) === FOLDER.TABLE);
  if (shards.some((each) => ends(each, [FOLDER.SHARD]))) return shards;
  const states = seen.filter((each) => ends(each, FOLDER.STATES) || leaf(each.path) === FOLDER.LATEST);
  if (states.some((each) => ends(each, FOLDER.STATES))) return states;
  const top = seen.filter(({ path }) => !path.includes("/")), own = top.filter((each) => !ofTrainer(each));
  const weights = own.filter((each) => ends(each, FOLDER.WEIGHTS));
  if (!weights.length) return own.filter((each) => ends(each, FOLDER.WHOLE));
  return top.filter((each) => weights.includes(each) || ends(each, FOLDER.TOLD) || ofTrainer(each));
}

/** Why the files of a folder are no one file, or null. @param {Found[]} files those that count @param {boolean} training @returns {Problem | null} */
export function unclear(files, training) {
  const whole = files.filter((each) => ends(each, FOLDER.WHOLE) && !ends(each, FOLDER.STATES) && !ofTrainer(each));
  if (!files.length) {
    const what = training ? "no weights" : "no images and no tables";
    return { sentence: `The folder holds ${what}.`, advice: "Drop the folder or the file that has them." };
  }
  if (!training || whole.length < 2) return null;
  const names = whole.slice(0, SHOWN).map(({ path }) => path).join(", ");
  return { sentence: `The folder holds ${whole.length} checkpoints: ${names}${whole.length > SHOWN ? ", …" : ""}.`, advice: "Drop one of them." };
}

/** What a drop holds where it is more than one plain file; read at once, for it is gone after the event. @param {DataTransfer} given */
export function folderIn(given) {
  const entries = [...given.items].map((item) => item.webkitGetAsEntry?.() ?? null).filter((entry) => entry !== null);
  return entries.length > 1 || entries.some((entry) => entry.isDirectory) ? entries : null;
}

/** @param {FileSystemDirectoryReader} reader @returns {Promise<FileSystemEntry[]>} */
const some = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));

/** Every file under an entry, in the order of names. @param {FileSystemEntry} entry @param {string} path @param {Found[]} found */
async function walk(entry, path, found) {
  if (found.length > FILES_MOST) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
    found.push({ path, file });
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader(), within = /** @type {FileSystemEntry[]} */ ([]);
  for (let more = await some(reader); more.length; more = await some(reader)) within.push(...more);
  within.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const each of within) await walk(each, path ? `${path}/${each.name}` : each.name, found);
}

/** @param {HTMLElement} zone @param {FileSystemEntry[]} entries */
async function packedAndSent(zone, entries) {
  const alone = entries.length === 1, name = alone ? entries[0].name : "files", found = /** @type {Found[]} */ ([]);
  live(zone, "sending", element("span", "drop-name", name), hint("Packing the folder…"));
  for (const entry of entries) await walk(entry, alone ? "" : entry.name, found);
  const training = ofTraining(zoneOf(zone)), files = counted(found, training), why = unclear(files, training);
  if (why) return refused(zone, name, why);
  if (files.length === 1) return send(zone, files[0].file);
  const file = found.length > FILES_MOST ? null : await zipped(name, files);
  if (file) return send(zone, file);
  refused(zone, name, { sentence: "The folder is too large to be packed by the browser.", advice: "Zip it, and drop the zip." });
}

/** @param {HTMLElement} zone @param {FileSystemEntry[]} entries */
export function sendFolder(zone, entries) {
  packedAndSent(zone, entries).catch(() =>
    refused(zone, entries[0].name, { sentence: "The browser cannot read this folder.", advice: "Zip it, and drop the zip." }));
}
