import assert from "node:assert/strict";
import { test } from "node:test";
import { filmSvg, places } from "../../../dashboard/browser/export/film.mjs";

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
