import assert from "node:assert/strict";
import { before, test } from "node:test";
import { classEdges } from "../../../dashboard/browser/analysis/class_edges.mjs";
import { gap } from "../../../dashboard/browser/analysis/gap_drawing.mjs";
import { rowsNamed, withLayers } from "../../../dashboard/browser/analysis/layers.mjs";
import { isPlane, onPlane, planes } from "../../../dashboard/browser/analysis/planes.mjs";
import { spectrum, thinned } from "../../../dashboard/browser/analysis/spectrum_drawing.mjs";
import { walked } from "../../../dashboard/browser/analysis/walk_drawing.mjs";
import { CURVES, EMBEDDING, ROLE } from "../../../dashboard/browser/contract.mjs";
import { unsymlog } from "../../../dashboard/browser/figures/symlog.mjs";
import { stand } from "./page.mjs";

before(() => stand());

const symlog = (value, linear) => Math.sign(value) * Math.log10(1 + Math.abs(value) / linear);

test("the symmetric logarithm and its inverse meet", () => {
  for (const value of [-3, -1e-4, 0, 1e-3, 20]) assert.ok(Math.abs(unsymlog(symlog(value, 1e-2), 1e-2) - value) < 1e-12);
});

test("edges of classes are where neighbours differ", () => {
  assert.deepEqual(classEdges([0, 1, 0, 1], [0, 1], [0, 1]), { x: [0.5, 0.5, null], y: [0, 1, null] });
  assert.deepEqual(classEdges([2, 2, 2, 2], [0, 1], [0, 1]), { x: [], y: [] });
  // Where three edges meet, each ends in the middle.
  assert.equal(classEdges([0, 1, 2, 2], [0, 1], [0, 1]).x.length, 9);
});

const pairs = (values, linear) => ({
  data: [
    { type: "scatter", meta: { role: ROLE.BAND }, x: values.map((v) => symlog(v, linear)), y: values },
    { type: "scatter", meta: { role: ROLE.EIGENVALUES }, x: values.map((v) => symlog(v, linear)), y: values, marker: {}, customdata: values.map((v, i) => [i + 1, v, 0]) },
  ],
  layout: { meta: { linear }, xaxis: { ticktext: ["−1", "0", "1"], tickvals: [-1, 0, 1], title: {} } },
});

test("a log axis shows the positive eigenvalues at their own values, the chosen one marked", () => {
  const values = [4, 1, -0.5], payload = { figures: { spectrum: pairs(values, 0.01) }, eigenvalues: values };
  const drawn = spectrum(payload, { vector: 2, log: true }, 740);
  const marks = drawn.data.find((trace) => trace.meta.role === ROLE.EIGENVALUES);
  assert.deepEqual(marks.x.map((x) => x && Math.round(1e9 * x) / 1e9), [4, 1, null]);
  assert.deepEqual(marks.marker.size, [8, 13, 8]);
  assert.equal(drawn.layout.xaxis.type, "log");
  // A filled outline has no gaps.
  assert.equal(drawn.data[0].x.length, 2);
  assert.equal(spectrum(payload, { vector: 3, log: true }, 740).layout.shapes, undefined);
});

test("on a narrow axis every second label is left out, 0 stays", () => {
  const axis = { ticktext: ["−1", "−0.1", "0", "0.1", "1"] };
  assert.deepEqual(thinned(axis, 390).ticktext, ["−1", "", "0", "", "1"]);
  assert.equal(thinned(axis, 1440), axis);
});

test("the chosen λ is marked on every curve", () => {
  const curves = { lambda: [0.1, 1], alo_ggn: [1, 2], soft_rank_ggn: [3, 4], tic_ggn: [5, 6] };
  const figure = { data: [], layout: { yaxis: { type: "log", tickvals: [1], ticktext: ["1"] } } };
  const drawn = gap({ figures: { gap: figure }, curves }, { lambda: 1, linear: true });
  assert.deepEqual(drawn.data.at(-1).y, [2, 4, 6]);
  assert.equal(drawn.data.at(-1).x.length, Object.keys(CURVES).length);
  assert.equal(drawn.layout.yaxis.type, "linear");
  assert.ok(!("tickvals" in drawn.layout.yaxis));
});

const layered = () => ({
  data: [{ z: [[1], [2], [3]], x: ["v1"], y: ["fc1", "fc2", "conv"] }],
  layout: { height: 410, yaxis: { categoryarray: ["conv", "fc2", "fc1"] }, meta: { rowless: 110 } },
});

test("layers are those whose names hold a word; where none does, all", () => {
  assert.deepEqual(rowsNamed(layered(), "CONV, nothing").shown, ["conv"]);
  assert.deepEqual(rowsNamed(layered(), "nothing").missed, true);
  assert.equal(rowsNamed(layered(), " , ").shown.length, 3);
});

test("a figure of some layers keeps their values and the height of a row", () => {
  const { data, layout } = withLayers(layered(), "fc2,conv");
  assert.deepEqual([data[0].y, data[0].z], [["fc2", "conv"], [[2], [3]]]);
  assert.equal(layout.height, 310);
  assert.deepEqual(layout.yaxis.categoryarray, ["conv", "fc2"]);
  assert.equal(withLayers(layered(), "").layout.height, 410);
});

test("keys of planes are those a worker computes", () => {
  assert.ok(["points:1,2,3", "extremes:2", "principal:1,3"].every(isPlane));
  assert.ok(!["points:1,2", "pca", "", "points:1,2,3;x"].some(isPlane));
});

test("the chosen plane's figures stand in place of the report's", () => {
  const payload = { plane: true, points: [[0, 0]], embedding: [[1, 1]], figures: { boundary: "own", [EMBEDDING + "tsne"]: "tsne" } };
  assert.equal(onPlane(payload, { plane: "" }), payload);
  const scatter = onPlane(payload, { plane: "tsne" });
  assert.deepEqual([scatter.figures.boundary, scatter.points, scatter.plane], ["tsne", payload.embedding, false]);
  planes["extremes:1"] = { key: "extremes:1", figures: { boundary: "extremes" }, points: [[2, 2]] };
  assert.equal(onPlane(payload, { plane: "extremes:1" }).figures.boundary, "extremes");
  planes["extremes:2"] = { key: "extremes:2", problem: "There is no such vector." };
  assert.equal(onPlane(payload, { plane: "extremes:2" }), payload);
});

test("the walk drawn is the chosen vector's, or the last that was walked", () => {
  assert.deepEqual([1, 2, 9].map((vector) => walked({ epsilon: [[0], [0]] }, { vector })), [0, 1, 1]);
});
