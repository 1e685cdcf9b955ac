import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { call, EXAMPLES, ModelServers } from "./testing/model-servers.ts";

const servers = new ModelServers();
afterAll(() => servers.close());

describe("ONNX model", () => {
  it("passes its golden request and answers row and column form", async () => {
    const server = await servers.start(join(EXAMPLES, "digit-reader"), "digit-reader");
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
    const server = await servers.start(join(EXAMPLES, "digit-reader"), "digit-reader");
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
    const directory = await servers.temporary();
    const bytes = await readFile(join(EXAMPLES, "digit-reader/model.onnx"));
    await writeFile(join(directory, "model.onnx"), bytes.subarray(0, bytes.length / 2));
    await expect(servers.start(directory, "m")).rejects.toThrow(/^ONNX model: ONNX Runtime refuses it/);
  });
});

describe("LightGBM model", () => {
  const recorded: { name: string; model: string; rows: (number | null)[][]; expected: number[] }[] =
    JSON.parse(readFileSync(new URL("../testdata/lightgbm-answers.json", import.meta.url), "utf8"));
  const { model, rows, expected } = recorded.find(({ name }) => name === "multiclass")!;

  it("answers in float64, in the file and version that model-settings.json names", async () => {
    const directory = await servers.temporary();
    const settings = { name: "iris", parameters: { uri: "./iris.bst", version: "v0.1.0" } };
    await writeFile(join(directory, "model-settings.json"), JSON.stringify(settings));
    await writeFile(join(directory, "iris.bst"), model);
    await writeFile(join(directory, "older.txt"), model);
    const server = await servers.start(directory, "iris");
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
