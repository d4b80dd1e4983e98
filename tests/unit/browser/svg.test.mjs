import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.mjs";
import { embedded } from "../../../dashboard/browser/export/copies.mjs";
import { svgOf } from "../../../dashboard/browser/export/images.mjs";

const DRAWN = '<svg width="96" height="48"><g/></svg>';

test("a name with a dollar is in an SVG as it is, and nothing of the drawing is repeated", async () => {
  const library = { toImage: async () => "data:image/svg+xml," + encodeURIComponent(DRAWN) };
  globalThis.requestAnimationFrame = (ready) => ready();
  globalThis.window = Object.assign(globalThis.window ?? {}, { Plotly: library });
  globalThis.document = {
    ...globalThis.document,
    createElement: () => ({}),
    head: { append: (script) => script.onload() },
  };
  const name = "$& $1 $` <b> & \u202e";
  const text = await svgOf({ data: [], layout: { width: 96, height: 48 } }, { name });
  const [, said] = text.match(/<metadata>(.*)<\/metadata>/);
  assert.equal(JSON.parse(said.replace(/&lt;/g, "<").replace(/&amp;/g, "&")).name, name);
  assert.equal(text.match(/<svg/g).length, 1);
  assert.ok(text.startsWith('<svg width="1in" height="0.5in"><metadata>'));
});

test("an embedded figure carries its picture, and names become no markup", () => {
  const html = embedded({ picture: "data:image/webp;base64,AA", said: 'a "map"', name: "<img onerror=x>", caption: "a < b", link: "http://h/?a=1&b=2" });
  assert.match(html, /<img src="data:image\/webp;base64,AA" alt="a &quot;map&quot;"/);
  assert.match(html, /href="http:\/\/h\/\?a=1&amp;b=2"/);
  assert.match(html, /<strong>&lt;img onerror=x&gt;<\/strong>\. a &lt; b/);
  assert.doesNotMatch(html, /<script|<iframe/);
});
