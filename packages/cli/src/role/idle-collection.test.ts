import { expect, test, vi } from "vitest";

import { startIdleCollection } from "./idle-collection.ts";

/** A burst of work: everything that it makes is garbage when it returns. */
function burst(): number {
  return Array.from({ length: 200_000 }, (_, index) => ({ index, text: `number ${index}` })).length;
}

test("an idle process gives back what a burst of work left", async () => {
  const stop = new AbortController();
  try {
    burst();
    const before = process.memoryUsage().heapUsed;
    startIdleCollection(stop.signal, 50);
    await vi.waitFor(() => expect(process.memoryUsage().heapUsed).toBeLessThan(before - 5 * 1024 * 1024), {
      timeout: 10_000,
      interval: 200,
    });
  } finally {
    stop.abort();
  }
});
