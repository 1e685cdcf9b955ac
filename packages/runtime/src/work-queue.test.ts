import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WorkQueue } from "./work-queue.ts";

describe("WorkQueue", () => {
  it("hands a key out once, however often it was added", async () => {
    const queue = new WorkQueue();
    queue.add("a");
    queue.add("b");
    queue.add("a");
    expect([await queue.get(), await queue.get()]).toEqual(["a", "b"]);
    queue.close();
    expect(await queue.get()).toBeUndefined();
  });

  it("holds a key back while a worker has it, and hands it out again after done", async () => {
    const queue = new WorkQueue();
    queue.add("a");
    await queue.get();
    queue.add("a");
    queue.add("b");
    expect(await queue.get()).toBe("b");
    queue.done("a");
    expect(await queue.get()).toBe("a");
    queue.close();
  });

  it("backs off from 5 ms and doubles until forgotten", async () => {
    const queue = new WorkQueue();
    const startedAt = Date.now();
    for (const failures of [1, 2, 3]) {
      queue.addRateLimited("a");
      expect(queue.failures("a")).toBe(failures);
      expect(await queue.get()).toBe("a");
      queue.done("a");
    }
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(5 + 10 + 20 - 3);
    queue.forget("a");
    expect(queue.failures("a")).toBe(0);
    queue.close();
  });

  it("keeps the earliest of several delays", async () => {
    const queue = new WorkQueue();
    queue.addAfter("a", 60_000);
    queue.addAfter("a", 1);
    queue.addAfter("a", 30_000);
    expect(await queue.get()).toBe("a");
    queue.close();
  });

  it("never hands one key to two workers and loses none", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 60 }),
        async (keys) => {
          const queue = new WorkQueue();
          const inWork = new Set<string>();
          const version = new Map<string, number>();
          const seen = new Map<string, number>();
          const worker = async (): Promise<void> => {
            for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
              expect(inWork.has(key)).toBe(false);
              inWork.add(key);
              seen.set(key, version.get(key) ?? 0);
              await Promise.resolve();
              inWork.delete(key);
              queue.done(key);
            }
          };
          const workers = [worker(), worker(), worker()];
          for (const key of keys) {
            version.set(key, (version.get(key) ?? 0) + 1);
            queue.add(key);
            if (version.size % 2 === 0) await Promise.resolve();
          }
          await expect.poll(() => Object.fromEntries(seen)).toEqual(Object.fromEntries(version));
          queue.close();
          await Promise.all(workers);
        },
      ),
      { numRuns: 50 },
    );
  });
});
