import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { call, EXAMPLES, ModelServers } from "./testing/model-servers.ts";

const servers = new ModelServers();
afterAll(() => servers.close());

describe("model directories", () => {
  it("serves the highest numbered version", async () => {
    const directory = await servers.temporary();
    await cp(join(EXAMPLES, "bike-rentals"), join(directory, "1"), { recursive: true });
    await mkdir(join(directory, "10"));
    await cp(join(EXAMPLES, "../updates/bike-rentals-v2/model.json"), join(directory, "10/model.json"));
    const server = await servers.start(directory, "bike-rentals");
    expect((await call(`${server.url}/v2/models/bike-rentals`)).json["versions"]).toEqual(["10"]);
  });

  it("finds the model below a directory of models", async () => {
    const directory = await servers.temporary();
    await cp(join(EXAMPLES, "bike-rentals"), join(directory, "bike-rentals/1"), { recursive: true });
    const server = await servers.start(directory, "bike-rentals");
    expect(server.problem()).toBeUndefined();
  });

  it("is live but not ready when the golden answer differs, and says where", async () => {
    const directory = await servers.copyOf("bike-rentals");
    const path = join(directory, "golden/output.json");
    await writeFile(path, (await readFile(path, "utf8")).replace("3045.50195", "3046"));
    const server = await servers.start(directory, "bike-rentals");
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
    const directory = await servers.temporary();
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text, "latin1");
    await expect(servers.start(directory, "m")).rejects.toThrow(message);
  });

  it("refuses a directory that does not exist", async () => {
    await expect(servers.start("/does/not/exist", "m")).rejects.toThrow(/ENOENT; give --model-dir/);
  });
});
