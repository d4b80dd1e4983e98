import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.mjs";
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
