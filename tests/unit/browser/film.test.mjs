import assert from "node:assert/strict";
import { before, test } from "node:test";
import { lineAt } from "../../../dashboard/browser/compare/line.mjs";
import { ROLE } from "../../../dashboard/browser/contract.mjs";
import { filmOf, filmSvg, places } from "../../../dashboard/browser/export/film.mjs";
import { titled } from "../../../dashboard/browser/run/page.mjs";
import { stand } from "./page.mjs";

before(() => stand());


test("a film goes forward and back, and one picture is seen at a time", () => {
  for (const count of [1, 2, 5]) {
    const { whole, of } = places(count), seen = Array.from({ length: count }, (_, k) => of(k)).flat();
    assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: whole }, (_, k) => k));
  }
  assert.deepEqual([0, 1, 2].map(places(3).of), [[0], [1, 3], [2]]);
});

test("its file has every picture once, no script, and an end of motion", () => {
  const svg = filmSvg(["data:a", "data:b", "data:c"], { width: 40, height: 30 }, { name: "<b>&" });
  assert.equal(svg.match(/<image /g)?.length, 3);
  assert.match(svg, /0\.000%\{visibility:visible\}25\.000%\{visibility:hidden\}/);
  assert.match(svg, /prefers-reduced-motion/);
  assert.match(svg, /&lt;b>&amp;/);
  assert.doesNotMatch(svg, /<script/);
});

test("a place on the line shows the classes there, their edges and the loss", () => {
  const figure = { data: [{ type: "heatmap", meta: { role: ROLE.WALKED_REGIONS } }, { type: "scatter", meta: { role: ROLE.WALKED_BOUNDARY } }], layout: { xaxis3: {}, yaxis2: {} } };
  const film = { side: 2, x: [0, 1], y: [0, 1], classes: [btoa("\0\0\0\0"), btoa("\0\x01\0\x01")] };
  const line = { from: "a", to: "b", figure, curve: { alpha: [0, 1], train: { loss: [0.5, 2] }, film } };
  const [regions, edges, mark] = lineAt(line, 1, 900).data;
  assert.deepEqual(regions.z, [[0, 1], [0, 1]]);
  assert.deepEqual(edges.x, [0.5, 0.5, null]);
  assert.deepEqual([mark.x, mark.y], [[1], [2]]);
  assert.deepEqual(lineAt(line, 0, 900).data[1].x, []);
  // The figure that came is left as it was, and a line without pictures is drawn as it is.
  assert.equal(figure.data[0].z, undefined);
  assert.equal(lineAt({ ...line, curve: { ...line.curve, film: null } }, 0, 900).data.length, 2);
  assert.ok(lineAt(line, 0, 390).layout.height > 600);
});

test("a picture of a run says its step, and a film without pictures is refused", async () => {
  assert.match(titled({ data: [], layout: {} }, 1200).layout.annotations[0].text, /^step 1.200$/);
  await assert.rejects(filmOf(async () => [], {}), /no picture/);
});
