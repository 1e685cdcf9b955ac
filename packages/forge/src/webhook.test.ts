import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PushEvent } from "./index.ts";
import { ForgePlace, seed } from "./testing/forge-place.ts";

const run = promisify(execFile);
let place: ForgePlace;

beforeEach(async () => {
  place = await ForgePlace.make();
});
afterEach(() => place.remove());

describe("news of pushes", () => {
  test("reach callbacks and webhooks, signed, with retry", async () => {
    const received: { headers: Record<string, unknown>; body: string }[] = [];
    let refusals = 1;
    const receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        if (refusals-- > 0) return response.writeHead(503).end();
        received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
        return response.writeHead(200).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const port = (receiver.address() as AddressInfo).port;
    await place.restart({ webhooks: [{ url: `http://127.0.0.1:${port}/hook`, secret: "key" }] });
    const events: PushEvent[] = [];
    place.forge.onPush((event) => events.push(event));
    const { commit } = await place.forge.seedRepository(seed);
    await vi.waitFor(() => expect(received).toHaveLength(1));
    const tip = await place.pushBranch("feature", (text) => text.replace("e: 5", "e: 6"));
    await vi.waitFor(() => expect(received).toHaveLength(2));
    const [first, second] = received.map(({ body }) => JSON.parse(body));
    expect(first).toMatchObject({
      ref: "refs/heads/main",
      after: commit,
      created: true,
      commits: [{ id: commit, added: ["app/kustomization.yaml"] }],
    });
    expect(second).toMatchObject({
      ref: "refs/heads/feature",
      after: tip,
      forced: false,
      pusher: { name: "ann" },
      repository: { full_name: "edge/gitops", clone_url: `${place.forge.url}/edge/gitops.git` },
    });
    expect(second.head_commit).toMatchObject({
      id: tip,
      message: "Change on feature",
      modified: ["app/kustomization.yaml"],
      added: [],
      removed: [],
    });
    expect(received[1]!.headers["x-github-event"]).toBe("push");
    expect(received[1]!.headers["x-hub-signature-256"]).toBe(
      `sha256=${createHmac("sha256", "key").update(received[1]!.body).digest("hex")}`,
    );
    expect(events.map((event) => [event.ref, event.after])).toEqual([
      ["refs/heads/main", commit],
      ["refs/heads/feature", tip],
    ]);
    receiver.close();
  });

  test("a push that nobody was told about is told at the next start", async () => {
    const { commit } = await place.forge.seedRepository(seed);
    await place.forge.close();
    const bare = join(place.directory, "forge/repos/edge/gitops.git");
    await run("git", ["--git-dir", bare, "update-ref", "refs/heads/late", commit]);
    const bodies: string[] = [];
    const receiver = createServer((request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(chunk.toString())).on("end", () => response.end());
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    await place.restart({
      webhooks: [{ url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/` }],
    });
    await vi.waitFor(() =>
      expect(JSON.parse(bodies.join(""))).toMatchObject({
        ref: "refs/heads/late",
        after: commit,
        pusher: { name: "unknown" },
      }),
    );
    receiver.close();
  });
});
