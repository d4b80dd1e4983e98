import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { PIECE, send } from "../../../dashboard/browser/upload/transfer.mjs";
import { keep, kept, keyOf } from "../../../dashboard/browser/upload/unfinished.mjs";
import { stand } from "./page.mjs";

const ENDPOINT = "/api/v1/uploads";
const file = { name: "big.npz", size: 2 * PIECE + 5, lastModified: 1, slice: (from, to) => ({ size: to - from }) };

// A tus server in memory: transfers by address with what has arrived; `refuse` may answer instead.
const server = { transfers: new Map(), asked: [], refuse: () => 0 };

/** @returns {{ status: number, headers: Record<string, string | number> }} */
function answer(method, url, headers, body) {
  const refused = server.refuse(method, url), arrived = server.transfers.get(url);
  if (refused) return { status: refused, headers: {} };
  if (method === "POST") {
    const location = `${ENDPOINT}/t${server.transfers.size}`;
    server.transfers.set(location, 0);
    return { status: 201, headers: { location } };
  }
  if (arrived === undefined) return { status: 404, headers: {} };
  if (method === "HEAD") return { status: 200, headers: { "upload-offset": arrived, "upload-length": file.size } };
  assert.equal(Number(headers["upload-offset"]), arrived);
  server.transfers.set(url, arrived + body.size);
  return { status: 204, headers: { "upload-offset": arrived + body.size } };
}

class Request {
  upload = {};
  headers = {};

  open(method, url) {
    [this.method, this.url] = [method, url];
  }

  setRequestHeader(name, value) {
    this.headers[name.toLowerCase()] = value;
  }

  send(body) {
    server.asked.push(this.method);
    const found = answer(this.method, this.url, this.headers, body);
    [this.status, this.responseText] = [found.status, '{"sentence": "No."}'];
    this.getResponseHeader = (name) => found.headers[name.toLowerCase()] ?? null;
    setTimeout(() => (this.aborted ? null : this.onload()));
  }

  abort() {
    this.aborted = true;
  }
}

const told = () => {
  const seen = { bytes: [], waited: 0 };
  return { seen, progress: (bytes) => seen.bytes.push(bytes), waiting: () => (seen.waited += 1) };
};

beforeEach(() => {
  stand();
  globalThis.XMLHttpRequest = Request;
  globalThis.fetch = async () => ({ ok: true, json: async () => ({ upload: "sha" }) });
  Object.assign(server, { transfers: new Map(), asked: [], refuse: () => 0 });
});

test("a file goes in pieces, and is forgotten once it is there", async () => {
  const tell = told();
  assert.equal(await send(file, "train", tell).done, "sha");
  assert.deepEqual(server.asked, ["POST", "PATCH", "PATCH", "PATCH"]);
  assert.equal(tell.seen.bytes.at(-1), file.size);
  assert.equal(kept(keyOf(file, "train")), null);
});

test("what has arrived is not sent again", async () => {
  server.transfers.set(`${ENDPOINT}/old`, 2 * PIECE);
  keep(keyOf(file, "train"), `${ENDPOINT}/old`, 0.9);
  await send(file, "train", told()).done;
  assert.deepEqual(server.asked, ["HEAD", "PATCH"]);
});

test("a transfer that the server no longer keeps begins anew", async () => {
  keep(keyOf(file, "train"), `${ENDPOINT}/gone`, 0.9);
  await send(file, "train", told()).done;
  assert.deepEqual(server.asked.slice(0, 2), ["HEAD", "POST"]);
});

test("a server that is away while it is asked what has arrived costs nothing of it", async () => {
  const tell = told();
  server.transfers.set(`${ENDPOINT}/old`, PIECE);
  keep(keyOf(file, "train"), `${ENDPOINT}/old`, 0.4);
  server.refuse = (method) => (method === "HEAD" && server.asked.length === 1 ? 503 : 0);
  await send(file, "train", tell).done;
  assert.deepEqual(server.asked, ["HEAD", "HEAD", "PATCH", "PATCH"]);
  assert.equal(tell.seen.waited, 1);
});

test("a piece that breaks is looked up and sent again", async () => {
  server.refuse = (method) => (method === "PATCH" && server.asked.length === 3 ? 502 : 0);
  await send(file, "train", told()).done;
  assert.deepEqual(server.asked, ["POST", "PATCH", "PATCH", "HEAD", "PATCH", "PATCH"]);
});

test("a refusal is told in its own words, and not repeated", async () => {
  server.refuse = (method) => (method === "POST" ? 413 : 0);
  await assert.rejects(send(file, "train", told()).done, (why) => why.problem.sentence === "No.");
  assert.deepEqual(server.asked, ["POST"]);
});

test("a stop ends it and keeps what came", async () => {
  const run = send(file, "train", { progress: (bytes) => bytes > PIECE && run.stop(), waiting: () => {} });
  await assert.rejects(run.done, (why) => why.stopped === true);
  assert.ok(kept(keyOf(file, "train")).share >= PIECE / file.size);
});
