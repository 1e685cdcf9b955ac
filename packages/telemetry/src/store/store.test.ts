import fc from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { createMetricsStore, StoreFullError, type MetricsStore, type MetricsStoreOptions } from "./store.ts";

const directories: string[] = [];
const stores: MetricsStore[] = [];
afterAll(async () => {
  for (const store of stores) store.close();
  await Promise.all(directories.map((directory) => rm(directory, { recursive: true })));
});

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "metrics-"));
  directories.push(directory);
  return directory;
}

async function open(changes: Partial<MetricsStoreOptions> = {}): Promise<MetricsStore> {
  const dataDir = changes.dataDir ?? (await temporary());
  const store = createMetricsStore({ dataDir, retention: 1e12, now: () => new Date(1_000), ...changes });
  stores.push(store);
  return store;
}

const up = { __name__: "up", cluster: "a" };
const all = [{ name: "__name__", operator: "=~", value: ".+" }] as const;

describe("metrics store", () => {
  it("is the same whatever the order and however often samples come", async () => {
    const sample = fc.record({
      timestamp: fc.nat(20),
      value: fc.option(fc.double({ noNaN: true }).map((v) => v + 0)),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(sample, { maxLength: 5 }), { maxLength: 6 }), async (writes) => {
        const store = await open();
        const first = new Map<number, number | null>();
        for (const samples of writes) {
          for (const { timestamp, value } of samples) if (!first.has(timestamp)) first.set(timestamp, value);
          store.append([{ labels: up, samples }]);
          store.append([{ labels: { cluster: "a", __name__: "up" }, samples }]);
        }
        const expected = [...first]
          .toSorted(([a], [b]) => a - b)
          .map(([timestamp, value]) => ({ timestamp, value }));
        expect(store.select(all, 0, 100)).toEqual(
          expected.length === 0 ? [] : [{ labels: up, samples: expected }],
        );
      }),
      { numRuns: 30 },
    );
  });

  it("keeps NaN, infinities and markers apart, over a restart", async () => {
    const dataDir = await temporary();
    const samples = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, null, 0.1].map(
      (value, timestamp) => ({
        timestamp,
        value,
      }),
    );
    const first = createMetricsStore({ dataDir, retention: 1e12, now: () => new Date() });
    first.append([{ labels: up, samples }]);
    first.close();
    const second = await open({ dataDir });
    expect(second.select(all, 0, 10)).toEqual([{ labels: up, samples }]);
    expect(second.series(all, 0, 10)).toEqual([up]);
    expect(second.series(all, 20, 30)).toEqual([]);
  });

  it("forgets samples beyond the retention, and series without any", async () => {
    let now = 1_000;
    const store = await open({ retention: 100, now: () => new Date(now) });
    store.append([
      {
        labels: up,
        samples: [
          { timestamp: 950, value: 1 },
          { timestamp: 1_000, value: 2 },
        ],
      },
    ]);
    now = 1_060;
    store.prune();
    expect(store.select(all, 0, 2_000)[0]?.samples).toEqual([{ timestamp: 1_000, value: 2 }]);
    now = 5_000;
    store.prune();
    expect(store.status()).toMatchObject({ series: 0, lastSampleByCluster: { a: 1_000 } });
    store.append([{ labels: up, samples: [{ timestamp: 5_000, value: 3 }] }]);
    expect(store.select(all, 0, 9_000)).toHaveLength(1);
  });

  it("refuses series beyond its bound, and stores nothing of such a write", async () => {
    const store = await open({ maxSeries: 2 });
    const series = (index: number) => ({
      labels: { __name__: `m${index}` },
      samples: [{ timestamp: 1, value: 1 }],
    });
    store.append([series(1)]);
    expect(() => store.append([series(2), series(3)])).toThrow(StoreFullError);
    store.append([series(2)]);
    expect(store.status().series).toBe(2);
  });

  it("does not open a file of a newer version", async () => {
    const dataDir = await temporary();
    const database = new DatabaseSync(join(dataDir, "metrics.db"));
    database.exec("PRAGMA user_version = 2");
    database.close();
    expect(() => createMetricsStore({ dataDir, retention: 1, now: () => new Date() })).toThrow(
      /newer version/,
    );
  });
});
