import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ModelServer } from "./server.ts";
import { call, type Called, EXAMPLES, ModelServers } from "./testing/model-servers.ts";

const servers = new ModelServers();
afterAll(() => servers.close());

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
    const directory = await servers.copyOf("bike-rentals");
    const inputs = columns.map((name, index) => ({ name, type: index < 8 ? "integer" : "float" }));
    await writeFile(join(directory, "MLmodel"), `signature:\n  inputs: '${JSON.stringify(inputs)}'\n`);
    server = await servers.start(directory, "bike-rentals");
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
    const plain = await servers.start(join(EXAMPLES, "bike-rentals"), "bike-rentals");
    const headers = { "Content-Type": "application/json" };
    const refused = await fetch(`${plain.url}/invocations`, { method: "POST", headers, body: "{}" });
    expect({ status: refused.status, body: await refused.json() }).toEqual({
      status: 404,
      body: { error: expect.stringMatching(/no MLmodel stands beside bike-rentals; use \/v2\/models/) },
    });
    const directory = await servers.copyOf("bike-rentals");
    await writeFile(join(directory, "MLmodel"), "signature:\n  inputs: '{}'\n");
    await expect(servers.start(directory, "m")).rejects.toThrow(/^MLmodel: signature.inputs is not a list$/);
  });
});
