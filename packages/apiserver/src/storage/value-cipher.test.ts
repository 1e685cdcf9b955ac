import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Store } from "./store.ts";
import { ValueCipher } from "./value-cipher.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "ai-edge-cipher-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const keyFile = (): string => join(dataDir, "pki", "encryption-keys.json");
const open = (): Store => new Store({ dataDir, logger: pino({ level: "silent" }), now: () => new Date(0) });
const key = (name: string, resource = "secrets") => ({ resource, namespace: "a", name });
const secret = (name: string, value: string): UnstructuredObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: "a" },
  data: { value },
});
const put = (store: Store, name: string, value: string, resource = "secrets") =>
  store.write((transaction) => transaction.put(key(name, resource), secret(name, value)));
const valueOf = (store: Store, name: string): unknown => store.get(key(name))?.object["data"];

/** Every byte of the database, with its write-ahead log. */
function onDisk(): string {
  return readdirSync(dataDir)
    .filter((name) => name.startsWith("state.db"))
    .map((name) => readFileSync(join(dataDir, name), "latin1"))
    .join("");
}

interface KeyFile {
  keys: { id: string; secret: string }[];
}
const readKeyFile = (): KeyFile => JSON.parse(readFileSync(keyFile(), "utf8")) as KeyFile;

describe("Secrets at rest", () => {
  it("are nowhere in the files of the database: not now, not as history, not after a deletion", async () => {
    const store = open();
    await put(store, "s", "top-secret-one");
    await put(store, "s", "top-secret-two");
    await put(store, "gone", "top-secret-three");
    await store.write((transaction) => transaction.delete(key("gone")));
    await put(store, "w", "top-secret-four", "manifestworks.work.open-cluster-management.io");
    await put(store, "c", "plain-config", "configmaps");
    expect(onDisk()).not.toContain("top-secret");
    store.close();
    expect(onDisk()).not.toContain("top-secret");
    expect(onDisk()).toContain("plain-config");
    const again = open();
    expect(valueOf(again, "s")).toEqual({ value: "top-secret-two" });
    const previous = again.eventsAfter("secrets", 0).map(({ previous: one }) => one?.object["data"]);
    expect(previous).toEqual([
      undefined,
      { value: "top-secret-one" },
      undefined,
      { value: "top-secret-three" },
    ]);
    again.close();
  });

  it("have their key in a file that only its owner reads, and not in the database", async () => {
    const store = open();
    await put(store, "s", "x");
    store.close();
    expect(statSync(keyFile()).mode & 0o777).toBe(0o600);
    expect(onDisk()).not.toContain(readKeyFile().keys[0]?.secret);
  });

  it("from before are read, and encrypted when they are next written", async () => {
    const store = open();
    await put(store, "s", "x");
    store.close();
    const db = new DatabaseSync(join(dataDir, "state.db"));
    const metadata = { name: "s", namespace: "a", resourceVersion: "1" };
    const plain = JSON.stringify({ ...secret("s", "old-plain"), metadata });
    db.prepare("UPDATE current SET value = ? WHERE resource = 'secrets'").run(plain);
    db.exec("PRAGMA user_version = 1");
    db.close();
    const next = open();
    expect(valueOf(next, "s")).toEqual({ value: "old-plain" });
    await put(next, "s", "new");
    next.close();
    const rows = new DatabaseSync(join(dataDir, "state.db"));
    expect(rows.prepare("SELECT value FROM current").get()?.["value"]).toMatch(/^enc:aesgcm:v1:\w{8}:/);
    expect(rows.prepare("SELECT previous FROM log ORDER BY revision DESC").get()?.["previous"]).toMatch(
      /^enc:/,
    );
    rows.close();
  });

  it("are written with a new first key, and read with those after it", async () => {
    const store = open();
    await put(store, "s", "x");
    await put(store, "t", "y");
    store.close();
    const { keys } = readKeyFile();
    const fresh = { id: "next", secret: Buffer.alloc(32, 7).toString("base64") };
    writeFileSync(keyFile(), JSON.stringify({ keys: [fresh, ...keys] }));
    const next = open();
    expect(valueOf(next, "s")).toEqual({ value: "x" });
    await put(next, "s", "z");
    next.close();
    const rows = new DatabaseSync(join(dataDir, "state.db"));
    const values = rows.prepare("SELECT value FROM current ORDER BY name").all();
    rows.close();
    expect(values.map(({ value }) => String(value).split(":")[3])).toEqual(["next", keys[0]?.id]);
  });

  it.each<[string, () => void, string]>([
    ["without the key file", () => rmSync(keyFile()), "put back the key file that belongs to this database"],
    ["with a broken key file", () => writeFileSync(keyFile(), "{"), "restore it from a backup"],
    ["with an empty key file", () => writeFileSync(keyFile(), '{"keys":[]}'), "restore it from a backup"],
    [
      "with another key of that id",
      () => {
        const keys = readKeyFile().keys.map(({ id }) => ({
          id,
          secret: Buffer.alloc(32).toString("base64"),
        }));
        writeFileSync(keyFile(), JSON.stringify({ keys }));
      },
      "cannot be decrypted with key",
    ],
  ])("are refused in one line %s, and nothing is changed", async (_what, breakIt, message) => {
    const store = open();
    await put(store, "s", "x");
    store.close();
    const before = readFileSync(keyFile(), "utf8");
    breakIt();
    expect(open).toThrow(message);
    writeFileSync(keyFile(), before);
    const restored = open();
    expect(valueOf(restored, "s")).toEqual({ value: "x" });
    restored.close();
  });

  it("open only where they were put, and for any text (property)", () => {
    const cipher = new ValueCipher(dataDir);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const stored = cipher.seal(key("a"), text);
        expect(new ValueCipher(dataDir).open(key("a"), stored)).toBe(Buffer.from(text).toString());
        expect(() => cipher.open(key("b"), stored)).toThrow("cannot be decrypted");
      }),
    );
  });
});
