import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startModelServer, type ModelServer } from "./server.ts";

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer({
    modelDir: fileURLToPath(new URL("../../../examples/models/bike-rentals", import.meta.url)),
    modelName: "bike-rentals",
    host: "127.0.0.1",
    httpPort: 0,
    logger: { info: () => undefined, error: () => undefined },
  });
});
afterAll(() => server.close());

/** A table of zeros that takes some milliseconds. */
const ROWS = 4_000;
const COLUMNS = 11;

it("answers 429 with Retry-After to what would wait too long, and health between inferences", async () => {
  const input = { name: "x", datatype: "FP32", shape: [ROWS, COLUMNS] };
  const head = Buffer.from(JSON.stringify({ parameters: { binary_data_output: true }, inputs: [input] }));
  const body = Buffer.concat([head, Buffer.alloc(ROWS * COLUMNS * 4)]);
  const headers = { "Inference-Header-Content-Length": String(head.length) };
  const infer = (): Promise<Response> =>
    fetch(`${server.url}/v2/models/bike-rentals/infer`, { method: "POST", headers, body });
  const ready = async (): Promise<number> => (await fetch(`${server.url}/v2/health/ready`)).status;
  const seen: Record<number, string | null> = {};
  // As many as it takes: how long one inference lasts depends on the machine.
  for (let clients = 100; clients <= 3_200 && !(429 in seen); clients *= 2) {
    const requests = Array.from({ length: clients }, async () => {
      const response = await infer();
      await response.arrayBuffer();
      seen[response.status] = response.headers.get("retry-after");
    });
    expect(await ready()).toBe(200);
    await Promise.all(requests);
  }
  expect(seen).toEqual({ 200: null, 429: "1" });
  expect(await ready()).toBe(200);
  expect((await infer()).status).toBe(200);
});
