import assert from "node:assert/strict";
import { test } from "node:test";
import { ROLE } from "../../../dashboard/browser/contract.mjs";
import { csvOf, jsonOf, rowsOf } from "../../../dashboard/browser/export/rows.mjs";

const figure = (...data) => ({ data, layout: {} });

test("a heatmap of alignments gives one row a pixel, in units of the alignment", () => {
  const map = { type: "heatmap", name: "v<sub>1</sub>", z: [[127, -127]], x0: 1, dx: 2, y0: 5, dy: 1, zmin: -127, zmax: 127 };
  assert.deepEqual(rowsOf(figure(map)), [["v1", 1, 5, 1], ["v1", 3, 5, -1]]);
});

test("gaps of a line are no rows, its records are", () => {
  const line = { name: "loss", x: [1, null, 3], y: [2, 2, NaN], customdata: [[7, 8], [], []] };
  assert.deepEqual(rowsOf(figure(line)), [["loss", 1, 2, "7 8"]]);
});

test("what is drawn for the eye alone, or not shown, is left out", () => {
  const band = { name: "± s.e.", x: [1], y: [1], meta: { role: ROLE.BAND } };
  const casing = { name: "casing", x: [1], y: [1], meta: { role: ROLE.MARGIN_CASING } };
  const hidden = { name: "gap", x: [1], y: [1], visible: false };
  assert.deepEqual(rowsOf(figure(band, casing, hidden)), []);
});

test("a CSV begins with its origin, and quotes what has to be", () => {
  const text = csvOf(figure({ name: 'a "b", c', x: [1], y: [2] }), { id: "x1", parameters: { seed: 0 } });
  assert.deepEqual(text.split("\n"), ["# id: x1", '# parameters: {"seed":0}', "series,x,y,value", '"a ""b"", c",1,2,', ""]);
});

test("a CSV holds no formulas and no lines that a name made", () => {
  const evil = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1"].map((name) => ({ name, x: [-1], y: [2] }));
  const text = csvOf(figure(...evil), { name: "a\n=cmd()", note: "b\r=x" });
  const lines = text.split(/[\r\n]/);
  assert.ok(!lines.some((line) => /^[=+@-]/.test(line)), text);
  assert.ok(lines.includes("'=1+1,-1,2,"), text); // a number stays a number
});

test("JSON says plot, columns and rows", () => {
  const found = JSON.parse(jsonOf("gap", figure({ name: "ALO", x: [1], y: [2] }), { id: "x1" }));
  assert.deepEqual(found, { about: { id: "x1" }, plot: "gap", columns: ["series", "x", "y", "value"], rows: [["ALO", 1, 2, ""]] });
});

test("rows of a spectrum are of eigenvalues, whatever its axis", () => {
  const stems = () => ({ name: "density", x: [-1, 0, 2], y: [1, 1, 1], customdata: [-0.09, 0, 0.99] });
  const symlog = { data: [stems()], layout: { meta: { linear: 0.01 } } };
  assert.deepEqual(rowsOf(symlog), [["density", -0.09, 1, -0.09], ["density", 0, 1, 0], ["density", 0.99, 1, 0.99]]);
  const log = { data: [stems()], layout: { meta: { linear: 0.01 }, xaxis: { type: "log" } } };
  assert.deepEqual(rowsOf(log).map(([, x]) => x), [-1, 0, 2]);
});
