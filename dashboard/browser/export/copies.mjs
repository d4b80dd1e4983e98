// What the share menu puts into the clipboard.

/** Anyone with this link may read the analysis; it replaces the one before. @param {string} id */
async function shareLink(id) {
  const reply = await fetch(`/api/v1/analyses/${id}/share`, { method: "POST" }), found = await reply.json();
  if (!reply.ok) throw new Error(found.sentence);
  const url = new URL(location.href);
  url.searchParams.set("share", found.key);
  return url.href;
}

/** @type {Record<string, (id: string) => string | Promise<string>>} */
const COPIES = {
  curl: (id) => `curl -fsS ${location.origin}/api/v1/analyses/${id}/report -o report.json`,
  link: () => location.href,
  share: shareLink,
  python: (id) =>
    `from minimascope.client import Client\n\nwith Client("${location.origin}") as client:\n` +
    `    report = client.report("${id}")\n    arrays = client.arrays("${id}")\n`,
};

/** Copies; answers what to say of it. @param {string} what @param {string} id */
export async function copy(what, id) {
  const text = await COPIES[what](id);
  await navigator.clipboard.writeText(text).catch(() => {
    throw new Error("The browser refused the clipboard");
  });
  return what === "share" ? "Copied: who has this link may read this analysis; earlier links ended" : "Copied";
}
