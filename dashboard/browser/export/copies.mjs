// What the share menu puts into the clipboard, and the end of what it gave away.
import { ID } from "../contract.mjs";
import { plotly } from "../figures/plotly.mjs";
import { byId, idOf, one } from "../page/dom.mjs";
import { figureFor, uriOf } from "./images.mjs";

const EMBED_INCHES = 6.9, EMBED_SCALE = 2;

/** @param {string} text */
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

/**
 * A figure for any page: the picture lies in it, so nothing is fetched and no frame has to be allowed.
 * @param {{ picture: string, said: string, name: string, caption: string, link: string }} given
 */
export function embedded({ picture, said, name, caption, link }) {
  return `<figure>\n  <a href="${escaped(link)}"><img src="${picture}" alt="${escaped(said)}" style="max-width:100%;height:auto"></a>\n` +
    `  <figcaption><strong>${escaped(name)}</strong>. ${escaped(caption)} (minimascope)</figcaption>\n</figure>\n`;
}

async function embed() {
  await plotly();
  const plot = [ID.BOUNDARY, ID.SPECTRUM].find((each) => figureFor(each, EMBED_INCHES));
  if (!plot) throw new Error("There is no picture yet");
  const figure = /** @type {Figure} */ (figureFor(plot, EMBED_INCHES));
  return embedded({
    picture: await uriOf(figure, "webp", EMBED_SCALE), said: byId(idOf("frame", plot))?.getAttribute("aria-label") || "",
    name: one("h1")?.textContent || "", caption: one(".expected")?.textContent || "", link: location.href,
  });
}

/** Anyone with this link may read the analysis; it replaces the one before. @param {string} id */
async function shareLink(id) {
  const reply = await fetch(`/api/v1/analyses/${id}/share`, { method: "POST" }), found = await reply.json();
  if (!reply.ok) throw new Error(found.sentence);
  const url = new URL(location.href);
  url.searchParams.set("share", found.key);
  return url.href;
}

/** From now on only those who may read it with a login do. @param {string} id */
async function endLinks(id) {
  const reply = await fetch(`/api/v1/analyses/${id}/share`, { method: "DELETE" });
  if (!reply.ok) throw new Error((await reply.json()).sentence);
  return "Links for readers without login have ended";
}

/** @type {Record<string, (id: string) => string | Promise<string>>} */
const COPIES = {
  curl: (id) => `curl -fsS ${location.origin}/api/v1/analyses/${id}/report -o report.json`,
  link: () => location.href,
  share: shareLink,
  embed,
  python: (id) =>
    `from minimascope.client import Client\n\nwith Client("${location.origin}") as client:\n` +
    `    report = client.report("${id}")\n    arrays = client.arrays("${id}")\n`,
};

/** @type {Record<string, string>} */
const SAID = {
  share: "Copied: who has this link may read this analysis; earlier links ended",
  embed: "Copied as HTML with the picture inside: paste it into a page, a blog, a notebook",
};

/** Copies; answers what to say of it. @param {string} what @param {string} id */
export async function copy(what, id) {
  if (what === "unshare") return endLinks(id);
  const text = await COPIES[what](id);
  await navigator.clipboard.writeText(text).catch(() => {
    throw new Error("The browser refused the clipboard");
  });
  return SAID[what] || "Copied";
}
