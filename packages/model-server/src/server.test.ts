import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelServer } from "./server.ts";
import { call, EXAMPLES, ModelServers } from "./testing/model-servers.ts";

const servers = new ModelServers();
afterAll(() => servers.close());

describe("XGBoost model", () => {
  let server: ModelServer;
  let model: string;
  const row = [11, 4, 0, 2, 0, 1, 1, 2, 0.595651984, 0.716956019, 0.324474007];
  const tensor = { name: "input-0", shape: [1, 11], datatype: "FP32", data: row };

  beforeAll(async () => {
    server = await servers.start(join(EXAMPLES, "bike-rentals"), "bike-rentals");
    model = `${server.url}/v2/models/bike-rentals`;
  });

  it.each([
    ["/v2", { name: "ai-edge-model-server", version: "0.1.0", extensions: ["binary_tensor_data"] }],
    ["/v2/health/live", { live: true }],
    ["/v2/health/ready", { live: true, ready: true }],
    ["/v2/models/bike-rentals/ready", { name: "bike-rentals", ready: true }],
    [
      "/v2/models/bike-rentals/versions/1",
      {
        name: "bike-rentals",
        versions: ["1"],
        platform: "xgboost_json",
        inputs: [{ name: "input-0", datatype: "FP32", shape: [-1, 11] }],
        outputs: [{ name: "predict", datatype: "FP32", shape: [-1, 1] }],
      },
    ],
    [
      "/v1/models/bike-rentals",
      {
        model_version_status: [
          { version: "1", state: "AVAILABLE", status: { error_code: "OK", error_message: "OK" } },
        ],
      },
    ],
  ])("GET %s", async (path, expected) => {
    expect(await call(server.url + path)).toMatchObject({ status: 200, json: expected });
  });

  it("answers Open Inference, echoing the id", async () => {
    expect(await call(`${model}/infer`, { id: "42", inputs: [tensor] })).toMatchObject({
      status: 200,
      json: {
        model_name: "bike-rentals",
        model_version: "1",
        id: "42",
        outputs: [{ name: "predict", shape: [1, 1], datatype: "FP32", data: [3045.501953125] }],
      },
    });
  });

  it("answers TensorFlow Serving in its number spelling", async () => {
    const url = `${server.url}/v1/models/bike-rentals/versions/1:predict`;
    expect(await call(url, { instances: [row] })).toMatchObject({
      status: 200,
      text: '{"predictions": [[3045.50195]]}',
    });
    expect((await call(url, { inputs: { "input-0": [row] } })).text).toBe('{"outputs": [[3045.50195]]}');
  });

  it("takes null as a missing value and whole-number tensors", async () => {
    const holes = { ...tensor, data: row.map((value, index) => (index === 8 ? null : value)) };
    expect((await call(`${model}/infer`, { inputs: [holes] })).status).toBe(200);
    const whole = { ...tensor, datatype: "INT64", data: row.map(Math.round) };
    expect((await call(`${model}/infer`, { inputs: [whole] })).status).toBe(200);
  });

  it.each<[string, string, unknown, number, RegExp]>([
    ["broken JSON", "/infer", '{"inputs": [', 400, /^body is not JSON/],
    ["an empty body", "/infer", "", 400, /^body is not JSON/],
    ["no inputs", "/infer", {}, 400, /^inputs: expected a list, got nothing$/],
    [
      "a wrong shape",
      "/infer",
      { inputs: [{ ...tensor, shape: [1, 10] }] },
      400,
      /has 11 elements, shape \[1,10\]/,
    ],
    [
      "too few features",
      "/infer",
      { inputs: [{ ...tensor, shape: [11, 1] }] },
      400,
      /shape \[11,1\] is not \[rows, 11\] \(day, mnth/,
    ],
    [
      "an unknown datatype",
      "/infer",
      { inputs: [{ ...tensor, datatype: "FP31" }] },
      400,
      /"FP31" is not a tensor datatype/,
    ],
    [
      "text as numbers",
      "/infer",
      { inputs: [{ ...tensor, data: row.map(String) }] },
      400,
      /a string is not FP32/,
    ],
    [
      "a number out of range",
      "/infer",
      { inputs: [{ ...tensor, data: row.with(0, 1e300) }] },
      400,
      /does not fit FP32/,
    ],
    ["a huge shape", "/infer", { inputs: [{ ...tensor, shape: [1e9, 1e9] }] }, 400, /11 elements/],
    ["a negative shape", "/infer", { inputs: [{ ...tensor, shape: [-1, 11] }] }, 400, /-1 is not a size/],
    [
      "an unknown output",
      "/infer",
      { inputs: [tensor], outputs: [{ name: "x" }] },
      400,
      /no output "x"; the model has predict/,
    ],
    [
      "a JSON bomb",
      "/infer",
      `{"inputs":[{"name":"a","shape":[1],"datatype":"FP32","data":${"[".repeat(1e5)}${"]".repeat(1e5)}}]}`,
      400,
      /nested deeper/,
    ],
    [
      "another version",
      "/versions/2/infer",
      { inputs: [tensor] },
      404,
      /version 2 of bike-rentals not found/,
    ],
  ])("refuses %s", async (_, path, body, status, message) => {
    const answer = await call(model + path, body);
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.json)).toEqual(["error"]);
    expect(answer.json["error"]).toMatch(message);
    expect((await call(`${server.url}/v2/health/ready`)).status).toBe(200);
  });

  it("refuses other paths, models and methods", async () => {
    expect((await call(`${server.url}/v2/models/other`)).status).toBe(404);
    expect((await call(`${server.url}/nothing`)).status).toBe(404);
    expect((await call(`${model}/infer`)).status).toBe(405);
  });

  it("refuses a body above the bound without reading it all", async () => {
    const response = await fetch(`${model}/infer`, {
      method: "POST",
      body: "x".repeat(17 * 1024 * 1024),
    }).catch((error: unknown) => error);
    // A client that still sends may see the answer or the closed connection; the server lives either way.
    if (response instanceof Response) expect(response.status).toBe(413);
    expect((await call(`${server.url}/v2/health/live`)).status).toBe(200);
  });

  it("survives a body cut short", async () => {
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.write("POST /v2/models/bike-rentals/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    socket.end();
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
    expect((await call(`${server.url}/v2/health/live`)).status).toBe(200);
  });

  it("counts in the names of both upstream runtimes, on both ports", async () => {
    await call(`${model}/infer`, { inputs: [tensor] });
    await call(`${model}/infer`, "broken");
    const text = (await call(`${server.url}/metrics`)).text;
    const sample = (line: string): number =>
      Number(
        text
          .split("\n")
          .find((l) => l.startsWith(line))
          ?.split(" ")
          .at(-1),
      );
    const labels = 'name="bike-rentals",version="1",api="KServe",method="ModelInfer",interface="REST"';
    expect(sample(`ovms_requests_success{${labels}}`)).toBeGreaterThan(0);
    expect(sample(`ovms_requests_fail{${labels}}`)).toBeGreaterThan(0);
    expect(sample('ovms_inference_time_us_count{name="bike-rentals",version="1"}')).toBeGreaterThan(0);
    const rest = 'method="POST",path="/v2/models/bike-rentals/infer",status_code="200",app_name="mlserver"';
    expect(sample(`rest_server_requests_total{${rest}}`)).toBeGreaterThan(0);
    expect(sample(`rest_server_request_duration_seconds_bucket{${rest},le="10"}`)).toBeGreaterThan(0);
    expect(text).toMatch(
      /ai_edge_model_info\{name="bike-rentals",version="1",digest="sha256:[0-9a-f]{64}",format="xgboost-json"\} 1/,
    );
    expect(text).toMatch(/ovms_request_time_us_bucket\{.*le="1474755971"\}/);
    expect((await call(`${server.metricsUrl}/metrics`)).text).toContain("ovms_streams{");
    expect((await call(`${server.metricsUrl}/v2`)).status).toBe(404);
  });

  it("bounds the path label", async () => {
    await call(`${server.url}/a-path-of-a-scanner`);
    expect((await call(`${server.url}/metrics`)).text).not.toContain("scanner");
  });
});

describe("drain", () => {
  it("turns readiness off, still answers, then closes", async () => {
    const server = await servers.start(join(EXAMPLES, "bike-rentals"), "bike-rentals");
    const drained = server.drain(300);
    expect((await call(`${server.url}/v2/health/ready`)).status).toBe(503);
    expect((await call(`${server.url}/v2/models/bike-rentals`)).status).toBe(200);
    await drained;
    await expect(fetch(server.url)).rejects.toThrow();
  });
});
