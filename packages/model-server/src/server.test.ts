import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Log } from "./log.ts";
import { startModelServer, type ModelServer } from "./server.ts";

const EXAMPLES = fileURLToPath(new URL("../../../examples/models/", import.meta.url));
const silent: Log = { info: () => undefined, error: () => undefined };
const open: ModelServer[] = [];
const directories: string[] = [];

async function start(modelDir: string, modelName: string): Promise<ModelServer> {
  const options = { modelDir, modelName, host: "127.0.0.1", httpPort: 0, metricsPort: 0, logger: silent };
  const server = await startModelServer(options);
  open.push(server);
  return server;
}

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "model-server-"));
  directories.push(directory);
  return directory;
}

async function copyOf(model: string): Promise<string> {
  const directory = await temporary();
  await cp(join(EXAMPLES, model), directory, { recursive: true });
  return directory;
}

afterAll(async () => {
  await Promise.all(open.map((server) => server.close()));
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
});

interface Called {
  status: number;
  text: string;
  json: Record<string, unknown>;
}

async function call(url: string, body?: unknown): Promise<Called> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, body === undefined ? {} : { method: "POST", body: text });
  const answer = await response.text();
  return {
    status: response.status,
    text: answer,
    json: answer.startsWith("{") ? JSON.parse(answer) : {},
  };
}

describe("XGBoost model", () => {
  let server: ModelServer;
  let model: string;
  const row = [11, 4, 0, 2, 0, 1, 1, 2, 0.595651984, 0.716956019, 0.324474007];
  const tensor = { name: "input-0", shape: [1, 11], datatype: "FP32", data: row };

  beforeAll(async () => {
    server = await start(join(EXAMPLES, "bike-rentals"), "bike-rentals");
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

describe("ONNX model", () => {
  it("passes its golden request and answers row and column form", async () => {
    const server = await start(join(EXAMPLES, "digit-reader"), "digit-reader");
    expect(server.problem()).toBeUndefined();
    const golden = JSON.parse(await readFile(join(EXAMPLES, "digit-reader/golden/data.json"), "utf8"));
    const image: number[] = golden.inputs[0].data.slice(0, 64);
    const row = await call(`${server.url}/v1/models/digit-reader:predict`, { instances: [{ X: image }] });
    expect(row.text).toMatch(/^\{"predictions": \[\{"label": 4, "probabilities": \[.*0\.99446266/);
    const asked = { inputs: golden.inputs, outputs: [{ name: "label" }] };
    const only = await call(`${server.url}/v2/models/digit-reader/infer`, asked);
    expect(only.json["outputs"]).toEqual([{ name: "label", shape: [2], datatype: "INT64", data: [4, 6] }]);
    const wrong = { inputs: [{ ...golden.inputs[0], datatype: "FP64" }] };
    const refused = await call(`${server.url}/v2/models/digit-reader/infer`, wrong);
    expect(refused).toMatchObject({ status: 400, json: { error: 'input "X": FP64 is not FP32' } });
  });

  it("answers binary tensors as it answers JSON", async () => {
    const server = await start(join(EXAMPLES, "digit-reader"), "digit-reader");
    const url = `${server.url}/v2/models/digit-reader/infer`;
    const golden = JSON.parse(await readFile(join(EXAMPLES, "digit-reader/golden/data.json"), "utf8"));
    const pixels = Buffer.from(Float32Array.from(golden.inputs[0].data).buffer);
    const { name, shape, datatype } = golden.inputs[0];
    const head = Buffer.from(
      JSON.stringify({
        id: "7",
        parameters: { trace: "t", binary_data_output: true },
        inputs: [{ name, shape, datatype, parameters: { binary_data_size: pixels.length } }],
        outputs: [{ name: "label", parameters: { binary_data: false } }, { name: "probabilities" }],
      }),
    );
    const headers = { "Inference-Header-Content-Length": String(head.length) };
    const response = await fetch(url, { method: "POST", headers, body: Buffer.concat([head, pixels]) });
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    const body = Buffer.from(await response.arrayBuffer());
    const at = Number(response.headers.get("inference-header-content-length"));
    expect(JSON.parse(body.subarray(0, at).toString())).toEqual({
      model_name: "digit-reader",
      model_version: "1",
      id: "7",
      parameters: { trace: "t" },
      outputs: [
        { name: "label", shape: [2], datatype: "INT64", data: [4, 6] },
        { name: "probabilities", shape: [2, 10], datatype: "FP32", parameters: { binary_data_size: 80 } },
      ],
    });
    const asJson = await call(url, { inputs: golden.inputs, outputs: [{ name: "probabilities" }] });
    const numbers = Array.from({ length: 20 }, (_, index) => body.readFloatLE(at + 4 * index));
    expect(asJson.json).toHaveProperty(["outputs", 0, "data"], numbers);
    const cut = await fetch(url, {
      method: "POST",
      headers: { "Inference-Header-Content-Length": "99999" },
      body: head,
    });
    expect(cut.status).toBe(400);
    expect(await cut.json()).toEqual({
      error: expect.stringMatching(/^Inference-Header-Content-Length: "99999" is not/),
    });
  });

  it("refuses a truncated file with one sentence", async () => {
    const directory = await temporary();
    const bytes = await readFile(join(EXAMPLES, "digit-reader/model.onnx"));
    await writeFile(join(directory, "model.onnx"), bytes.subarray(0, bytes.length / 2));
    await expect(start(directory, "m")).rejects.toThrow(/^ONNX model: ONNX Runtime refuses it/);
  });
});

describe("LightGBM model", () => {
  const recorded: { name: string; model: string; rows: (number | null)[][]; expected: number[] }[] =
    JSON.parse(readFileSync(new URL("../testdata/lightgbm-answers.json", import.meta.url), "utf8"));
  const { model, rows, expected } = recorded.find(({ name }) => name === "multiclass")!;

  it("answers in float64, in the file and version that model-settings.json names", async () => {
    const directory = await temporary();
    const settings = { name: "iris", parameters: { uri: "./iris.bst", version: "v0.1.0" } };
    await writeFile(join(directory, "model-settings.json"), JSON.stringify(settings));
    await writeFile(join(directory, "iris.bst"), model);
    await writeFile(join(directory, "older.txt"), model);
    const server = await start(directory, "iris");
    const url = `${server.url}/v2/models/iris`;
    expect((await call(url)).json).toEqual({
      name: "iris",
      versions: ["v0.1.0"],
      platform: "lightgbm_text",
      inputs: [{ name: "input-0", datatype: "FP64", shape: [-1, 5] }],
      outputs: [{ name: "predict", datatype: "FP64", shape: [-1, 3] }],
    });
    const asked = { inputs: [{ name: "x", shape: [2, 5], datatype: "FP64", data: rows.slice(5, 7).flat() }] };
    const { json } = await call(`${url}/versions/v0.1.0/infer`, asked);
    const outputs = [{ name: "predict", shape: [2, 3], datatype: "FP64" }];
    expect(json).toMatchObject({ model_name: "iris", model_version: "v0.1.0", outputs });
    for (const [index, value] of expected.slice(15, 21).entries()) {
      expect(json).toHaveProperty(["outputs", 0, "data", index], expect.closeTo(value, 12));
    }
  });
});

describe("MLflow", () => {
  const names = [
    "day",
    "mnth",
    "year",
    "season",
    "holiday",
    "weekday",
    "workingday",
    "weathersit",
    "temp",
    "hum",
  ];
  const columns = [...names, "windspeed"];
  const row = [11, 4, 0, 2, 0, 1, 1, 2, 0.595651984, 0.716956019, 0.324474007];
  let server: ModelServer;
  beforeAll(async () => {
    const directory = await copyOf("bike-rentals");
    const inputs = columns.map((name, index) => ({ name, type: index < 8 ? "integer" : "float" }));
    await writeFile(join(directory, "MLmodel"), `signature:\n  inputs: '${JSON.stringify(inputs)}'\n`);
    server = await start(directory, "bike-rentals");
  });

  async function invoke(body: unknown, type = "application/json"): Promise<Called> {
    const headers = { "Content-Type": type };
    const response = await fetch(`${server.url}/invocations`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, text, json: JSON.parse(text) };
  }

  it("orders the columns by the signature", async () => {
    const shuffled = { columns: columns.toReversed(), data: [row.toReversed()] };
    const { status, json } = await invoke({ dataframe_split: shuffled }, "application/json; charset=utf-8");
    expect({ status, json }).toEqual({ status: 200, json: { predictions: [3045.501953125] } });
    const record = Object.fromEntries(columns.map((name, index) => [name, row[index]]));
    expect((await invoke({ dataframe_records: [record] })).json).toEqual({ predictions: [3045.501953125] });
    expect((await invoke({ instances: [row] })).json).toEqual({ predictions: [3045.501953125] });
  });

  it("refuses what is missing, and other content types", async () => {
    const answer = await invoke({ dataframe_records: [{ day: 1 }] });
    expect(answer).toMatchObject({
      status: 400,
      json: { error: expect.stringMatching(/^column "mnth" is missing/) },
    });
    expect((await invoke({ instances: [row] }, "application/json; charset=latin1")).status).toBe(400);
  });

  it("answers MLflow's probes", async () => {
    expect(await call(`${server.url}/ping`)).toMatchObject({ status: 200, text: "\n" });
    expect(await call(`${server.url}/health`)).toMatchObject({ status: 200, text: "\n" });
    expect(await call(`${server.url}/version`)).toMatchObject({ status: 200, text: "0.1.0" });
  });

  it("says no where there is no MLmodel, and refuses a broken one", async () => {
    const plain = await start(join(EXAMPLES, "bike-rentals"), "bike-rentals");
    const headers = { "Content-Type": "application/json" };
    const refused = await fetch(`${plain.url}/invocations`, { method: "POST", headers, body: "{}" });
    expect({ status: refused.status, body: await refused.json() }).toEqual({
      status: 404,
      body: { error: expect.stringMatching(/no MLmodel stands beside bike-rentals; use \/v2\/models/) },
    });
    const directory = await copyOf("bike-rentals");
    await writeFile(join(directory, "MLmodel"), "signature:\n  inputs: '{}'\n");
    await expect(start(directory, "m")).rejects.toThrow(/^MLmodel: signature.inputs is not a list$/);
  });
});

describe("model directories", () => {
  it("serves the highest numbered version", async () => {
    const directory = await temporary();
    await cp(join(EXAMPLES, "bike-rentals"), join(directory, "1"), { recursive: true });
    await mkdir(join(directory, "10"));
    await cp(join(EXAMPLES, "../updates/bike-rentals-v2/model.json"), join(directory, "10/model.json"));
    const server = await start(directory, "bike-rentals");
    expect((await call(`${server.url}/v2/models/bike-rentals`)).json["versions"]).toEqual(["10"]);
  });

  it("finds the model below a directory of models", async () => {
    const directory = await temporary();
    await cp(join(EXAMPLES, "bike-rentals"), join(directory, "bike-rentals/1"), { recursive: true });
    const server = await start(directory, "bike-rentals");
    expect(server.problem()).toBeUndefined();
  });

  it("is live but not ready when the golden answer differs, and says where", async () => {
    const directory = await copyOf("bike-rentals");
    const path = join(directory, "golden/output.json");
    await writeFile(path, (await readFile(path, "utf8")).replace("3045.50195", "3046"));
    const server = await start(directory, "bike-rentals");
    expect(server.problem()).toMatch(/outputs\[0\]\.data\[0\]: expected 3046, got 3045\.50195/);
    expect((await call(`${server.url}/v2/health/live`)).status).toBe(200);
    const ready = await call(`${server.url}/v2/health/ready`);
    expect(ready).toMatchObject({ status: 503, json: { ready: false } });
    expect((await call(`${server.url}/v2/models/bike-rentals/infer`, {})).status).toBe(503);
  });

  it.each([
    ["nothing", {}, /the directory has no files; known are ONNX/],
    [
      "a pickle",
      { "model.pkl": "\x80\x04\x95csklearn.pipeline" },
      /Python pickle \(scikit-learn\).*skl2onnx/,
    ],
    ["a broken LightGBM model", { "m.bst": "tree\nversion=v4\n" }, /^LightGBM model: file: is cut short/],
    [
      "settings for a file that is not there",
      { "model-settings.json": '{"parameters":{"uri":"./m.bst"}}', "a.onnx": "\b\x07" },
      /^model-settings.json: parameters.uri "m.bst" does not exist$/,
    ],
    ["a stranger", { "weights.bin": "abc" }, /none of weights.bin is a known model/],
    ["two models", { "a.onnx": "\b\x07", "b.onnx": "\b\x07" }, /several model files \(a.onnx, b.onnx\)/],
  ])("refuses %s", async (_, files, message) => {
    const directory = await temporary();
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text, "latin1");
    await expect(start(directory, "m")).rejects.toThrow(message);
  });

  it("refuses a directory that does not exist", async () => {
    await expect(start("/does/not/exist", "m")).rejects.toThrow(/ENOENT; give --model-dir/);
  });
});

describe("drain", () => {
  it("turns readiness off, still answers, then closes", async () => {
    const server = await start(join(EXAMPLES, "bike-rentals"), "bike-rentals");
    const drained = server.drain(300);
    expect((await call(`${server.url}/v2/health/ready`)).status).toBe(503);
    expect((await call(`${server.url}/v2/models/bike-rentals`)).status).toBe(200);
    await drained;
    await expect(fetch(server.url)).rejects.toThrow();
  });
});
