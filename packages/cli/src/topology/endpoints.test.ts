import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { readEndpoints, resumeEndpoints } from "./endpoints.ts";

const CORE = {
  api: "https://127.0.0.1:6443",
  registry: "http://127.0.0.1:5000",
  forge: "http://127.0.0.1:3000",
  metrics: "http://127.0.0.1:9090",
};
const ROUTE = { namespace: "bike-rentals", name: "bike-rentals", url: "http://127.1.192.1:8080" };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ai-edge-endpoints-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test("a start begins with the addresses of the last one; edges that are new have none yet", () => {
  const previous = {
    core: CORE,
    edges: [
      { name: "near-edge-1", api: "https://127.0.0.1:6444", routes: [ROUTE] },
      { name: "near-edge-2", api: "https://127.0.0.1:6445", routes: [] },
    ],
  };
  expect(resumeEndpoints(previous, ["near-edge-1", "near-edge-3"])).toEqual({
    core: CORE,
    edges: [
      { name: "near-edge-1", api: "https://127.0.0.1:6444", routes: [ROUTE] },
      { name: "near-edge-3", api: "", routes: [] },
    ],
  });
});

test("a first start begins with none", () => {
  expect(resumeEndpoints(undefined, ["near-edge-1"])).toEqual({
    core: { api: "", registry: "", forge: "", metrics: "" },
    edges: [{ name: "near-edge-1", api: "", routes: [] }],
  });
});

test("a directory in which nothing was started says how to start", async () => {
  await expect(readEndpoints(directory)).rejects.toThrow(
    `nothing runs in ${directory}: start it with "ai-edge up --data-dir ${directory}"`,
  );
});

test.each(["{", "[]", '{"core":{}}'])("a damaged file is named: %s", async (content) => {
  await writeFile(join(directory, "endpoints.json"), content);
  await expect(readEndpoints(directory)).rejects.toThrow(
    /endpoints\.json is not what ai-edge writes; start again with "ai-edge up/,
  );
});
