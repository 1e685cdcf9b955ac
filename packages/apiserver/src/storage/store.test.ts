import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StorageEvent } from "./event.ts";
import { Store } from "./store.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "ai-edge-store-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function open(now = () => new Date(0)): Store {
  return new Store({ dataDir, logger: pino({ level: "silent" }), now });
}

function configMap(name: string, value: string, namespace = "a"): UnstructuredObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { value } };
}

const key = (name: string, namespace = "a") => ({ resource: "configmaps", namespace, name });
const put = (store: Store, name: string, value: string, namespace = "a") =>
  store.write((transaction) => transaction.put(key(name, namespace), configMap(name, value, namespace)));
const valuesOf = (objects: readonly { object: UnstructuredObject }[]) =>
  Object.fromEntries(
    objects.map(({ object }) => [object.metadata.name, (object["data"] as { value: string }).value]),
  );

describe("writes", () => {
  it("number every change without gaps and keep it over a restart", async () => {
    const store = open();
    await put(store, "x", "1");
    await put(store, "x", "2");
    await store.write((transaction) => transaction.delete(key("x")));
    await put(store, "y", "3");
    expect(store.revision).toBe(4);
    store.close();
    const again = open();
    expect(again.revision).toBe(4);
    expect(again.get(key("x"))).toBeUndefined();
    expect(again.get(key("y"))?.object.metadata.resourceVersion).toBe("4");
    again.close();
  });

  it("undo all that a failing operation did, and nothing of the others in its group", async () => {
    const store = open();
    const [first, failing, third] = await Promise.allSettled([
      put(store, "x", "1"),
      store.write((transaction) => {
        transaction.put(key("x"), configMap("x", "lost"));
        transaction.put(key("z"), configMap("z", "lost"));
        throw new Error("no");
      }),
      put(store, "y", "2"),
    ]);
    expect([first.status, failing.status, third.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(valuesOf(store.list("configmaps"))).toEqual({ x: "1", y: "2" });
    expect(store.revision).toBe(2);
    store.close();
  });

  it("are invisible to readers until they are on disk", async () => {
    const store = open();
    const writing = put(store, "x", "1");
    expect(store.get(key("x"))).toBeUndefined();
    await writing;
    expect(store.get(key("x"))).toBeDefined();
    store.close();
  });
});

describe("lists", () => {
  it("are ordered by namespace and name, and know the boundaries of a namespace", async () => {
    const store = open();
    for (const [namespace, name] of [
      ["b", "x"],
      ["a", "z"],
      ["a-b", "m"],
      ["a", "y"],
      ["aa", "n"],
    ] as const) {
      await put(store, name, "", namespace);
    }
    const paths = (namespace?: string) =>
      store
        .list("configmaps", namespace)
        .map(({ object }) => `${object.metadata.namespace}/${object.metadata.name}`);
    expect(paths()).toEqual(["a-b/m", "a/y", "a/z", "aa/n", "b/x"]);
    expect(paths("a")).toEqual(["a/y", "a/z"]);
    expect(paths("a-b")).toEqual(["a-b/m"]);
    store.close();
  });
});

describe("history", () => {
  it("ends where it was compacted", async () => {
    const store = open();
    for (let index = 0; index < 10; index += 1) await put(store, "x", String(index));
    store.close();
    const again = open();
    expect(again.compact({ keepRevisions: 3, keepSince: new Date(1), limit: 100 })).toBe(7);
    expect(again.eventsAfter("configmaps", 7).map((event) => event.revision)).toEqual([8, 9, 10]);
    expect(() => again.eventsAfter("configmaps", 6)).toThrow("too old resource version: 6 (8)");
    expect(again.revision).toBe(10);
    again.close();
  });

  it("shows every earlier state, from memory and from disk (property)", async () => {
    const operation = fc.record({
      name: fc.constantFrom("p", "q", "r"),
      value: fc.option(fc.string({ maxLength: 5 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
        rmSync(dataDir, { recursive: true, force: true });
        const store = open();
        const states: Record<string, string>[] = [{}];
        const seen: StorageEvent[] = [];
        store.subscribe((events) => seen.push(...events));
        for (const { name, value } of operations) {
          const before = states.at(-1) ?? {};
          if (value !== null) {
            await put(store, name, value);
            states.push({ ...before, [name]: value });
          } else if (name in before) {
            await store.write((transaction) => transaction.delete(key(name)));
            const { [name]: _, ...rest } = before;
            states.push(rest);
          }
        }
        store.close();
        const again = open();
        expect(again.revision).toBe(states.length - 1);
        states.forEach((state, revision) => {
          expect(valuesOf(again.listAt("configmaps", "a", revision))).toEqual(state);
          const expected = seen
            .slice(revision)
            .map(({ type, revision: at, object }) => [type, at, object.text]);
          expect(
            again
              .eventsAfter("configmaps", revision)
              .map((event) => [event.type, event.revision, event.object.text]),
          ).toEqual(expected);
        });
        again.close();
      }),
      { numRuns: 25 },
    );
  });
});

describe("the file", () => {
  it("of a newer version is refused in one line", () => {
    open().close();
    const db = new DatabaseSync(join(dataDir, "state.db"));
    db.exec("PRAGMA user_version = 99");
    db.close();
    expect(() => open()).toThrow(
      /state\.db has format 99, this program knows up to 2: it was written by a newer version; run that one/,
    );
  });

  it("belongs to one process", () => {
    const store = open();
    expect(() => open()).toThrow(/state\.db is in use by another process/);
    store.close();
  });

  it("that is no database is refused", async () => {
    const { writeFileSync } = await import("node:fs");
    writeFileSync(
      join(dataDir, "state.db"),
      "not a database at all, but long enough to be read as a header".repeat(20),
    );
    expect(() => open()).toThrow(/is not an ai-edge database/);
  });

  it("cannot be made where a file is", () => {
    dataDir = join(dataDir, "file");
    new DatabaseSync(dataDir).exec("CREATE TABLE t (x)");
    expect(() => open()).toThrow(/cannot open .*state\.db/);
    rmSync(dataDir);
  });
});
