import fc from "fast-check";
import { appendFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { SpoolRecord } from "./record.ts";
import { Spool, type SpoolOptions } from "./spool.ts";

const directories: string[] = [];
afterAll(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function options(changes: Partial<SpoolOptions> = {}): Promise<SpoolOptions> {
  const directory = await mkdtemp(join(tmpdir(), "spool-"));
  directories.push(directory);
  return { directory, maxBytes: 1e9, maxAge: 1e9, now: () => 1_000, ...changes };
}

const record = (text: string, time = 1_000): SpoolRecord => ({ time, samples: 1, body: Buffer.from(text) });

async function drain(spool: Spool): Promise<string[]> {
  const seen: string[] = [];
  for (let next = await spool.peek(); next !== undefined; next = await spool.peek()) {
    seen.push(next.body.toString().slice(0, 20));
    await spool.acknowledge(next);
  }
  return seen;
}

describe("Spool", () => {
  it("gives records in order, once", async () => {
    const spool = await Spool.open(await options());
    await spool.append([record("a"), record("b")]);
    await spool.append([record("c")]);
    expect(await drain(spool)).toEqual(["a", "b", "c"]);
    expect(spool.status()).toMatchObject({ records: 0, samples: 0, droppedSamples: 0 });
    await spool.append([record("d")]);
    expect(await drain(spool)).toEqual(["d"]);
  });

  it("keeps everything not acknowledged over a crash, and nothing acknowledged after a flush", async () => {
    const setup = await options();
    const first = await Spool.open(setup);
    await first.append([record("a"), record("b"), record("c")]);
    const taken = await first.peek();
    if (taken !== undefined) await first.acknowledge(taken);
    await first.flush();
    // No close: the process was killed.
    const second = await Spool.open(setup);
    expect(second.status().records).toBe(2);
    await second.append([record("d")]);
    expect(await drain(second)).toEqual(["b", "c", "d"]);
    await second.close();
    expect(await drain(await Spool.open(setup))).toEqual([]);
  });

  it("cuts off a record that a crash tore", async () => {
    const setup = await options();
    const first = await Spool.open(setup);
    await first.append([record("whole")]);
    const [segment = ""] = (await readdir(setup.directory)).filter((name) => name.endsWith(".spool"));
    await appendFile(join(setup.directory, segment), Buffer.from([9, 0, 0, 0, 1, 2, 3]));
    const second = await Spool.open(setup);
    await second.append([record("after")]);
    expect(await drain(second)).toEqual(["whole", "after"]);
  });

  it("sends again rather than loses when the acknowledged position is unreadable", async () => {
    const setup = await options();
    const first = await Spool.open(setup);
    await first.append([record("a")]);
    await drain(first);
    await first.flush();
    await writeFile(join(setup.directory, "acknowledged.json"), "{");
    expect(await drain(await Spool.open(setup))).toEqual(["a"]);
  });

  it("drops the oldest segments above its budget of bytes, and counts them", async () => {
    const spool = await Spool.open(await options({ maxBytes: 3_500_000 }));
    for (let index = 0; index < 6; index++) await spool.append([record(`${index}`.padEnd(1_050_000, "x"))]);
    expect(spool.status().droppedSamples).toBe(3);
    expect((await drain(spool)).map((text) => text[0])).toEqual(["3", "4", "5"]);
  });

  it("drops what is older than its budget of time", async () => {
    let now = 1_000;
    const spool = await Spool.open(await options({ maxAge: 500, now: () => now }));
    await spool.append([record("old".padEnd(1_050_000, "x"), now)]);
    now = 2_000;
    await spool.append([record("new", now)]);
    expect(await drain(spool)).toEqual(["new"]);
    expect(spool.status().droppedSamples).toBe(1);
  });

  it("behaves like a list, whatever order of appends, sends and restarts", async () => {
    const steps = fc.array(fc.constantFrom("append", "send", "flush", "restart"), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(steps, async (actions) => {
        const setup = await options();
        let spool = await Spool.open(setup);
        const sent = new Set<string>();
        const appended: string[] = [];
        for (const action of actions) {
          if (action === "append") {
            appended.push(`r${appended.length}`);
            await spool.append([record(appended.at(-1) ?? "")]);
          } else if (action === "flush") await spool.flush();
          else if (action === "restart") spool = await Spool.open(setup);
          else {
            const next = await spool.peek();
            if (next === undefined) continue;
            sent.add(next.body.toString());
            await spool.acknowledge(next);
          }
        }
        for (const text of await drain(spool)) sent.add(text);
        expect([...sent].toSorted()).toEqual(appended.toSorted());
      }),
      { numRuns: 40 },
    );
  });
});
