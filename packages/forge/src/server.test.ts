import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ForgePlace } from "./testing/forge-place.ts";

let place: ForgePlace;

beforeEach(async () => {
  place = await ForgePlace.make();
});
afterEach(() => place.remove());

test("a taken port is one clear line", async () => {
  const port = Number(new URL(place.forge.url).port);
  await expect(
    place.start({ dataDir: join(place.directory, "second"), listen: { host: "127.0.0.1", port } }),
  ).rejects.toThrow(`the forge cannot listen on 127.0.0.1:${port}: the address is in use`);
});

test("a missing git is one clear line", async () => {
  const path = process.env["PATH"];
  process.env["PATH"] = place.directory;
  try {
    await expect(place.start({ dataDir: join(place.directory, "third") })).rejects.toThrow(
      /^git was not found on PATH: install git/,
    );
  } finally {
    process.env["PATH"] = path;
  }
});
