import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type KubernetesObject,
  type ObjectKey,
  controllerReference,
  formatKey,
  resourceType,
} from "@ai-edge/apimachinery";
import { type Client, createClient } from "@ai-edge/client";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SharedInformer } from "./informer.ts";
import { type Manager, TerminalError, createManager } from "./index.ts";

interface Gadget extends KubernetesObject {
  spec?: { size: number; part?: string };
}
const Gadget = resourceType<Gadget>("x.io/v1", "Gadget", "gadgets", { namespaced: true });
const Part = resourceType("x.io/v1", "Part", "parts", { namespaced: true });
const logger = pino({ level: "silent" });

/** Lists and watches of two kinds from memory, with what a real server may do to a watcher: cut, expire, be away. */
class TinyApi {
  readonly objects = new Map<string, KubernetesObject>();
  readonly lists: string[] = [];
  readonly watches = new Set<{ plural: string; response: ServerResponse }>();
  readonly #log: { at: number; plural: string; type: string; object: KubernetesObject }[] = [];
  readonly #server = createServer((request, response) => this.#answer(request.url ?? "", response));
  client!: Client;
  away = false;
  #version = 10;
  #oldest = 0;

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.client = createClient({
      server: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
    });
  }

  async close(): Promise<void> {
    this.client.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  put<T extends KubernetesObject>(object: Omit<T, "apiVersion">): T {
    const key = `${object.kind}/${formatKey(object.metadata)}`;
    const old = this.objects.get(key);
    this.#version += 1;
    const metadata = {
      ...object.metadata,
      uid: old?.metadata.uid ?? `uid-${this.#version}`,
      resourceVersion: String(this.#version),
    };
    const stored = { apiVersion: "x.io/v1", ...object, metadata } as unknown as T;
    this.objects.set(key, stored);
    this.#publish(old === undefined ? "ADDED" : "MODIFIED", stored);
    return stored;
  }

  remove(kind: string, key: ObjectKey): void {
    const id = `${kind}/${formatKey(key)}`;
    const old = this.objects.get(id);
    if (old === undefined) return;
    this.objects.delete(id);
    this.#version += 1;
    const metadata = { ...old.metadata, resourceVersion: String(this.#version) };
    this.#publish("DELETED", { ...old, metadata });
  }

  /** Cuts every connection, in the middle of a frame if there is a watch. */
  cut(): void {
    for (const { response } of this.watches) response.write('{"type":"ADDED","object":{"meta');
    this.#server.closeAllConnections();
  }

  /** Forgets history, so that watches from before get 410. */
  compact(): void {
    this.#oldest = this.#version;
  }

  #publish(type: string, object: KubernetesObject): void {
    const plural = `${object.kind.toLowerCase()}s`;
    this.#log.push({ at: this.#version, plural, type, object });
    for (const watch of this.watches) {
      if (watch.plural === plural) watch.response.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  #answer(text: string, response: ServerResponse): void {
    if (this.away) return void response.destroy();
    const url = new URL(text, "http://x");
    const plural = url.pathname.split("/").at(-1) ?? "";
    if (url.searchParams.get("watch") !== "true") {
      this.lists.push(plural);
      const items = [...this.objects.values()].filter(({ kind }) => `${kind.toLowerCase()}s` === plural);
      const list = { metadata: { resourceVersion: String(this.#version) }, items };
      return void response.end(JSON.stringify(list));
    }
    const since = Number(url.searchParams.get("resourceVersion"));
    if (since < this.#oldest) {
      const status = { kind: "Status", reason: "Expired", code: 410, message: "too old resource version" };
      return void response.end(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
    }
    response.writeHead(200).flushHeaders();
    for (const entry of this.#log) {
      if (entry.at > since && entry.plural === plural) {
        response.write(`${JSON.stringify({ type: entry.type, object: entry.object })}\n`);
      }
    }
    const watch = { plural, response };
    this.watches.add(watch);
    response.on("close", () => this.watches.delete(watch));
  }
}

let api: TinyApi;
let stop: AbortController;
const running: Promise<void>[] = [];
beforeEach(async () => {
  api = new TinyApi();
  stop = new AbortController();
  await api.start();
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running.splice(0));
  await api.close();
});

const gadget = (name: string, size = 1): Omit<Gadget, "apiVersion"> => ({
  kind: "Gadget",
  metadata: { name, namespace: "shop" },
  spec: { size },
});

describe("informer", () => {
  function start(): SharedInformer<Gadget> {
    const informer = new SharedInformer(
      Gadget,
      { indexes: { size: ({ spec }) => [String(spec?.size)] } },
      { client: api.client, logger },
    );
    running.push(informer.run(stop.signal));
    return informer;
  }

  it("keeps a copy, tells changes and answers from indexes", async () => {
    api.put(gadget("a"));
    const informer = start();
    const events: string[] = [];
    informer.onEvent(({ type, object, old }) =>
      events.push(`${type} ${object.metadata.name} ${(old as Gadget | undefined)?.spec?.size ?? "-"}`),
    );
    await informer.synced;
    await expect.poll(() => api.watches.size).toBe(1);
    api.put(gadget("b", 2));
    api.put(gadget("a", 2));
    api.remove("Gadget", { namespace: "shop", name: "b" });
    await expect.poll(() => events).toEqual(["added a -", "added b -", "updated a 1", "deleted b 2"]);
    expect(informer.store.byIndex("size", "2").map(({ metadata }) => metadata.name)).toEqual(["a"]);
    expect(informer.store.byIndex("size", "1")).toEqual([]);
    expect(informer.store.list({ namespace: "elsewhere" })).toEqual([]);
    expect(() => informer.store.byIndex("colour", "red")).toThrow('index "colour" was not declared');
  });

  it("resumes after a cut without listing again", async () => {
    const informer = start();
    await informer.synced;
    for (let round = 0; round < 5; round += 1) {
      await expect.poll(() => api.watches.size).toBe(1);
      api.put(gadget(`before-${round}`));
      api.cut();
      api.put(gadget(`meanwhile-${round}`));
    }
    await expect.poll(() => informer.store.size).toBe(10);
    expect(api.lists).toEqual(["gadgets"]);
  });

  it("lists again when its version expired, and then notices what went and what was made anew", async () => {
    api.put(gadget("goes"));
    api.put(gadget("again"));
    const informer = start();
    const events: string[] = [];
    informer.onEvent(({ type, object }) => events.push(`${type} ${object.metadata.name}`));
    await informer.synced;
    await expect.poll(() => api.watches.size).toBe(1);
    events.splice(0);
    api.away = true;
    api.cut();
    for (const name of ["goes", "again"]) api.remove("Gadget", { namespace: "shop", name });
    api.put(gadget("again", 5));
    api.put(gadget("new"));
    api.compact();
    api.away = false;
    await expect.poll(() => events).toEqual(["deleted again", "added again", "added new", "deleted goes"]);
    expect(api.lists).toEqual(["gadgets", "gadgets"]);
  });

  it("keeps its copy while the server is away", async () => {
    api.put(gadget("a"));
    const informer = start();
    await informer.synced;
    api.away = true;
    api.cut();
    await expect.poll(() => api.watches.size).toBe(0);
    expect(informer.store.size).toBe(1);
  });

  it("ends up with the server's state under random writes and cuts", async () => {
    const informer = start();
    await informer.synced;
    for (let step = 0; step < 400; step += 1) {
      const name = `g${(step * 7) % 23}`;
      if (step % 5 === 0) api.remove("Gadget", { namespace: "shop", name });
      else api.put(gadget(name, step));
      if (step % 41 === 0) api.cut();
      if (step % 97 === 0) api.compact();
      if (step % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const state = (objects: Iterable<KubernetesObject>): string[] =>
      [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
    await expect
      .poll(() => state(informer.store.list()), { timeout: 10_000 })
      .toEqual(state(api.objects.values()));
  });
});

describe("manager", () => {
  function manage(): Manager {
    const manager = createManager({ client: api.client, logger });
    running.push(manager.start(stop.signal));
    return manager;
  }

  it("shares informers of one resource", async () => {
    const manager = createManager({ client: api.client, logger });
    const one = manager.informer(Gadget);
    expect(manager.informer(Gadget, { indexes: { size: () => ["1"] } })).toBe(one);
    expect(manager.informer(Gadget, { indexes: { size: () => ["2"] } })).not.toBe(one);
    expect(manager.informer(Gadget, { namespace: "shop" })).not.toBe(one);
  });

  it("reconciles an object for its own changes, those of its parts and of what it names", async () => {
    const manager = manage();
    const seen: string[] = [];
    manager.addController({
      name: "gadgets",
      for: Gadget,
      filter: ({ metadata }) => metadata.name !== "ignored",
      owns: [Part],
      watches: [
        {
          type: Part,
          map: ({ metadata }) => (metadata.name === "shared" ? [{ namespace: "shop", name: "a" }] : []),
        },
      ],
      reconcile: async (key) => void seen.push(formatKey(key)),
    });
    const a = api.put<Gadget>(gadget("a"));
    api.put(gadget("ignored"));
    await expect.poll(() => seen.splice(0)).toEqual(["shop/a"]);
    api.put({
      kind: "Part",
      metadata: { name: "p", namespace: "shop", ownerReferences: [controllerReference(a)] },
    });
    await expect.poll(() => seen.splice(0)).toEqual(["shop/a"]);
    api.put({ kind: "Part", metadata: { name: "shared", namespace: "shop" } });
    await expect.poll(() => seen.splice(0)).toEqual(["shop/a"]);
    api.remove("Gadget", { namespace: "shop", name: "a" });
    await expect.poll(() => seen.splice(0)).toEqual(["shop/a"]);
  });

  it("retries errors, not terminal ones, and honours requeueAfter", async () => {
    const manager = manage();
    const attempts = new Map<string, number>();
    manager.addController({
      name: "gadgets",
      for: Gadget,
      concurrency: 3,
      reconcile: async ({ name }) => {
        const attempt = (attempts.get(name) ?? 0) + 1;
        attempts.set(name, attempt);
        if (name === "flaky" && attempt < 4) throw new Error("not yet");
        if (name === "hopeless") throw new TerminalError("no");
        return name === "again" && attempt < 3 ? { requeueAfter: 1 } : undefined;
      },
    });
    for (const name of ["flaky", "hopeless", "again"]) api.put(gadget(name));
    await expect.poll(() => Object.fromEntries(attempts)).toEqual({ flaky: 4, hopeless: 1, again: 3 });
    api.put(gadget("hopeless", 2));
    await expect.poll(() => attempts.get("hopeless")).toBe(2);
  });

  it("resyncs keys that nothing happens to", async () => {
    const manager = manage();
    let count = 0;
    manager.addController({
      name: "g",
      for: Gadget,
      resyncPeriod: 10,
      reconcile: async () => void (count += 1),
    });
    api.put(gadget("a"));
    await expect.poll(() => count).toBeGreaterThan(3);
  });

  it("takes keys from outside", async () => {
    const manager = manage();
    const seen: string[] = [];
    const handle = manager.addController({
      name: "g",
      for: Gadget,
      reconcile: async ({ name }) => void seen.push(name),
    });
    handle.enqueue({ namespace: "shop", name: "poked" });
    await expect.poll(() => seen).toEqual(["poked"]);
  });

  it("restarts a runnable that throws, and stops when told", async () => {
    const manager = manage();
    let runs = 0;
    manager.addRunnable("r", async (signal) => {
      runs += 1;
      if (runs === 1) throw new Error("first");
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    });
    await expect.poll(() => runs, { timeout: 5_000 }).toBe(2);
    stop.abort();
    await Promise.all(running.splice(0));
  });
});
