import assert from "node:assert/strict";
import { before, test } from "node:test";
import { ROLE, STRIP } from "../../../dashboard/browser/contract.mjs";
import { gridFigure } from "../../../dashboard/browser/compare/grid_figure.mjs";
import { flat, ramp } from "../../../dashboard/browser/figures/ramp.mjs";
import { every, first, is } from "../../../dashboard/browser/figures/roles.mjs";
import { arranged, shapeOf } from "../../../dashboard/browser/figures/strip.mjs";
import { put, themed } from "../../../dashboard/browser/figures/themed.mjs";
import { tilesOf } from "../../../dashboard/browser/figures/tiles.mjs";
import { stand } from "./page.mjs";

before(() => stand());

const axis = { range: [0, 1] };
const field = (vector, xaxis) => ({ type: "heatmap", xaxis, name: `field ${vector}`, meta: { role: ROLE.ALIGNMENT, vector } });
const film = () => ({
  data: [{ type: "heatmap", xaxis: "x", meta: { role: ROLE.REGIONS } }, field(2, "x2"), field(4, "x3")],
  layout: { annotations: ["all", "v2", "v4"].map((text) => ({ text })), xaxis: axis, yaxis: axis, xaxis2: axis, yaxis2: axis, xaxis3: axis, yaxis3: axis },
});

test("a trace is found by its role and vector, whatever it is called", () => {
  const figure = film();
  assert.equal(first(figure, ROLE.ALIGNMENT, 4), figure.data[2]);
  assert.equal(first(figure, ROLE.BOUNDARY), undefined);
  assert.equal(every(figure, ROLE.ALIGNMENT).length, 2);
  assert.ok(!is({ name: "no meta" }, ROLE.POINTS));
});

test("tiles know their vector; the first is the boundary", () => {
  assert.deepEqual(tilesOf(film()).map(({ vector, caption }) => [vector, caption]), [[0, "all"], [2, "v2"], [4, "v4"]]);
});

test("a strip wraps to its width, and tiles never overlap", () => {
  const { layout } = arranged(film(), 400);
  const boxes = ["", "2", "3"].map((n) => [layout["xaxis" + n].domain, layout["yaxis" + n].domain]);
  assert.ok(boxes[1][0][0] - boxes[0][0][1] >= STRIP.gap - 1e-12);
  assert.ok(boxes[2][1][1] <= boxes[0][1][0]);
});

test("no tile is flatter or taller than a strip allows", () => {
  const [least, most] = STRIP.shapes;
  assert.equal(shapeOf({ x: [0, 10], y: [0, 1] }), least);
  assert.equal(shapeOf({ x: [0, 1], y: [0, 10] }), most);
});

test("a ramp begins and ends with its scale's colours; classes are mixed with the page", () => {
  const table = ramp([[0, "#000000"], [1, "#ffffff"]], 3);
  assert.deepEqual([...table], [0, 0, 0, 128, 128, 128, 255, 255, 255]);
  const stops = [[0, "#ff0000"], [0.5, "#ff0000"], [0.5, "#0000ff"], [1, "#0000ff"]];
  assert.deepEqual([...flat(stops, 2, 0.5, "#ffffff")], [255, 128, 128, 128, 128, 255]);
});

test("theming copies what it changes and shares what it does not", () => {
  const trace = { x: [1], line: { width: 2 }, meta: { tokens: { "line.color": "ink" } } };
  const figure = { data: [trace], layout: { xaxis: {}, shapes: [{ line: {} }], meta: { tokens: { "shapes.0.line.color": "muted" } } } };
  const out = themed(figure);
  assert.equal(out.data[0].line.color, "--ink");
  assert.equal(out.layout.shapes[0].line.color, "--muted");
  assert.equal(out.layout.xaxis.gridcolor, "--grid");
  assert.equal(out.data[0].x, trace.x);
  assert.deepEqual(trace.line, { width: 2 });
  assert.deepEqual(figure.layout.shapes, [{ line: {} }]);
});

test("a path is set in a copy of what lies on its way", () => {
  const inner = { list: [{ a: 1 }] }, object = { inner };
  put(object, "inner.list.0.a", 2);
  assert.equal(object.inner.list[0].a, 2);
  assert.equal(inner.list[0].a, 1);
});

test("the grid holds every row that has figures, each tile on axes of its own", () => {
  const rows = [{ id: "1", name: "<one>", figure: film() }, { id: "2", name: "none", figure: null }, { id: "3", name: "three", figure: film() }];
  const grid = gridFigure(rows, 600);
  assert.equal(new Set(grid.data.map((trace) => trace.xaxis)).size, 6);
  assert.ok(grid.layout.annotations[0].text.includes("&lt;one>"));
  assert.equal(gridFigure([rows[1]], 600), null);
});

test("captions of narrow tiles take two lines and keep to their tile", () => {
  const note = (/** @type {string} */ text) => ({ text, font: { size: 12 } });
  const strip = () => ({ data: [], layout: {
    annotations: [note("decision boundary"), note("v<sub>1</sub>  λ = 8.35 · 42\u202f%"), note("v<sub>2</sub>  λ = 0.5")],
    xaxis: { range: [0, 1] }, yaxis: { range: [0, 1] },
  } });
  const narrow = arranged(strip(), 330).layout.annotations, wide = arranged(strip(), 900).layout.annotations;
  assert.equal(wide[1].text, "v<sub>1</sub>  λ = 8.35 · 42\u202f%");
  assert.equal(wide[1].font.size, 12);
  const tight = arranged(strip(), 500).layout.annotations;
  assert.equal(tight[2].text, "v<sub>2</sub>  λ = 0.5");
  const six = { ...strip() };
  six.layout.annotations = Array.from({ length: 6 }, () => note("v<sub>1</sub>  λ = 8.35 · 42\u202f%"));
  const small = arranged(six, 660).layout.annotations;
  assert.equal(small[0].text, "v<sub>1</sub> · 42\u202f%<br>λ = 8.35");
  assert.equal(small[0].font.size, 10);
  assert.equal(narrow.length, 3);
});
