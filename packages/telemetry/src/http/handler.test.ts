import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeWriteRequest } from "../remote-write/protobuf.ts";
import { snappyCompress } from "../remote-write/snappy.ts";
import type { TimeSeries } from "../series.ts";
import { createMetricsStore, type MetricsStore } from "../store/store.ts";
import { createMetricsHandler, type MetricsIdentity } from "./handler.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const IDENTITIES: Record<string, MetricsIdentity> = {
  "Bearer edge": { reads: false, writes: { cluster: "near-edge-1" } },
  "Bearer user": { reads: true, writes: "nothing" },
  "Bearer relay": { reads: true, writes: "any" },
};

let directory: string;
let store: MetricsStore;
let server: Server;
let base: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "metrics-http-"));
  store = createMetricsStore({ dataDir: directory, retention: 1e12, now: () => new Date(NOW) });
  const handler = createMetricsHandler(store, {
    authenticate: (request) => Promise.resolve(IDENTITIES[request.headers.authorization ?? ""]),
    logger: pino({ level: "silent" }),
    now: () => new Date(NOW),
  });
  server = createServer((request, response) => void handler(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  store.close();
  await rm(directory, { recursive: true });
});

const HEADERS = { "content-type": "application/x-protobuf", "content-encoding": "snappy" };

function write(who: string, body: Uint8Array, headers: Record<string, string> = HEADERS): Promise<Response> {
  return fetch(`${base}/write`, {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${who}` },
    body,
  });
}
const bodyOf = (series: TimeSeries[]): Buffer => snappyCompress(encodeWriteRequest(series));
const sample = (labels: Record<string, string>, value = 1, timestamp = NOW - 1_000): TimeSeries => ({
  labels: { __name__: "up", ...labels },
  samples: [{ timestamp, value }],
});
async function get(path: string, who = "user"): Promise<{ status: number; body: unknown }> {
  const response = await fetch(base + path, { headers: { authorization: `Bearer ${who}` } });
  return { status: response.status, body: await response.json() };
}

describe("remote write", () => {
  it("stores series under the writer's cluster, and is queried as Prometheus is", async () => {
    expect(
      (
        await write(
          "edge",
          bodyOf([sample({ pod: "a" }, 2), sample({ pod: "b", cluster: "near-edge-1" }, 3)]),
        )
      ).status,
    ).toBe(204);
    expect(await get('/query?query=up{pod="a"}')).toEqual({
      status: 200,
      body: {
        status: "success",
        data: {
          resultType: "vector",
          result: [
            { metric: { __name__: "up", cluster: "near-edge-1", pod: "a" }, value: [NOW / 1_000, "2"] },
          ],
        },
      },
    });
    expect(await get("/query?query=sum%20by%20(cluster)%20(up)")).toMatchObject({
      body: { data: { result: [{ metric: { cluster: "near-edge-1" }, value: [NOW / 1_000, "5"] }] } },
    });
  });

  it("takes the same request twice as one", async () => {
    const body = bodyOf([sample({ pod: "twice" }, 7)]);
    expect((await write("edge", body)).status).toBe(204);
    expect((await write("edge", body)).status).toBe(204);
    expect(await get('/query?query=count_over_time(up{pod="twice"}[1h])')).toMatchObject({
      body: { data: { result: [{ value: [NOW / 1_000, "1"] }] } },
    });
  });

  it.each<[string, string, () => Uint8Array, Record<string, string>, number, RegExp]>([
    [
      "another cluster's series",
      "edge",
      () => bodyOf([sample({ cluster: "near-edge-2" })]),
      HEADERS,
      400,
      /near-edge-1 may not write series of cluster "near-edge-2"/,
    ],
    ["a reader", "user", () => bodyOf([]), HEADERS, 403, /not allowed to write/],
    ["a stranger", "nobody", () => bodyOf([]), HEADERS, 401, /credentials/],
    [
      "other encodings",
      "edge",
      () => Buffer.from("x"),
      { "content-type": "text/plain" },
      415,
      /application\/x-protobuf/,
    ],
    [
      "remote write 2.0",
      "edge",
      () => Buffer.from("x"),
      { ...HEADERS, "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request" },
      415,
      /2.0/,
    ],
    ["bytes that are not snappy", "edge", () => Buffer.from([0xff, 0xff]), HEADERS, 400, /snappy/],
    [
      "bytes that are not a request",
      "edge",
      () => snappyCompress(Buffer.from([0x0a, 0x7f])),
      HEADERS,
      400,
      /cut short/,
    ],
    ["a bomb", "edge", () => Buffer.from([0xff, 0xff, 0xff, 0x7f]), HEADERS, 400, /are more than/],
    [
      "a bad metric name",
      "edge",
      () => bodyOf([sample({ __name__: "a b" })]),
      HEADERS,
      400,
      /not a metric name/,
    ],
    ["a bad label name", "edge", () => bodyOf([sample({ "a-b": "c" })]), HEADERS, 400, /not a label name/],
    ["the far future", "edge", () => bodyOf([sample({}, 1, NOW + 3_600_000)]), HEADERS, 400, /not plausible/],
    ["too much at once", "edge", () => Buffer.alloc(5 * 1024 * 1024), HEADERS, 413, /larger than/],
  ])("refuses %s", async (_, who, body, headers, status, message) => {
    const response = await write(who, body(), headers).catch(() => undefined);
    // A client that still sends its 5 MiB may only see the connection close.
    if (response === undefined) return expect(status).toBe(413);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ status: "error", error: expect.stringMatching(message) });
  });
});

describe("query API", () => {
  it.each<[string, number, unknown]>([
    ["/query?query=", 400, { status: "error", errorType: "bad_data", error: 'parameter "query" is missing' }],
    ["/query?query=rate(up)", 400, { errorType: "bad_data", error: expect.stringMatching(/needs a range/) }],
    [
      "/query?query=up&time=then",
      400,
      { errorType: "bad_data", error: expect.stringMatching(/is not a time/) },
    ],
    [
      "/query?query=1&time=2026-01-01T00:00:00Z",
      200,
      { data: { resultType: "scalar", result: [NOW / 1_000, "1"] } },
    ],
    ["/query?query=1/0", 200, { data: { result: [NOW / 1_000, "+Inf"] } }],
    [
      "/query_range?query=1&start=0&end=2&step=1",
      200,
      {
        data: {
          resultType: "matrix",
          result: [
            {
              metric: {},
              values: [
                [0, "1"],
                [1, "1"],
                [2, "1"],
              ],
            },
          ],
        },
      },
    ],
    ["/query_range?query=1&start=0&end=2&step=x", 400, { error: expect.stringMatching(/step/) }],
    ["/query_range?query=1&end=2&step=1", 400, { error: expect.stringMatching(/start/) }],
    ["/labels", 200, { data: ["__name__", "cluster", "pod"] }],
    ["/label/pod/values?match[]=up", 200, { data: ["a", "b", "twice"] }],
    ["/series", 400, { error: expect.stringMatching(/match/) }],
    ['/series?match[]=up{pod="a"}', 200, { data: [{ __name__: "up", cluster: "near-edge-1", pod: "a" }] }],
    ["/status/buildinfo", 200, { data: { application: "ai-edge" } }],
    ["/alerts", 404, { errorType: "not_found" }],
  ])("%s", async (path, status, body) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(body as object);
  });

  it("takes a form by POST", async () => {
    const body = new URLSearchParams({ query: 'up{pod="b"}' });
    const response = await fetch(`${base}/query`, {
      method: "POST",
      body,
      headers: { authorization: "Bearer user" },
    });
    expect(await response.json()).toMatchObject({ data: { result: [{ value: [NOW / 1_000, "3"] }] } });
  });

  it("answers only those who may read", async () => {
    expect((await get("/query?query=up", "edge")).status).toBe(403);
    expect((await get("/query?query=up", "nobody")).status).toBe(401);
  });
});
