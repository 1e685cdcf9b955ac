import { ProtocolError } from "@ai-edge/inference";
import { describe, expect, it } from "vitest";
import { Admission } from "./admission.ts";

/** A clock that only inferences move: each takes the milliseconds that it says. */
function simulated(maxWaitMs: number): { admission: Admission; infer: (ms: number) => Promise<number> } {
  let now = 0;
  const admission = new Admission({ clock: () => now, maxWaitMs });
  const infer = (ms: number): Promise<number> =>
    admission.run((waitedMs) => {
      now += ms;
      return Promise.resolve(waitedMs);
    });
  return { admission, infer };
}

describe("Admission", () => {
  it("runs fast inferences where they are", async () => {
    const { infer } = simulated(0);
    expect(await Promise.all(Array.from({ length: 1_000 }, () => infer(0.5)))).toEqual(
      Array.from({ length: 1_000 }, () => 0),
    );
  });

  it("runs slow ones in order, refuses those that would wait too long, and recovers", async () => {
    const { admission, infer } = simulated(100);
    for (let index = 0; index < 50; index++) await infer(20);
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => infer(20)));
    // After 50 inferences the mean is 20 ms, so that a sixth one may still wait 100 ms.
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : "no"))).toEqual([
      0,
      20,
      40,
      60,
      80,
      100,
      "no",
      "no",
      "no",
      "no",
    ]);
    const [refused] = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    expect(refused).toEqual(
      new ProtocolError("overloaded: 6 requests wait, about 120 ms; try again later", 429),
    );
    expect(() => admission.check()).not.toThrow();
    expect(await infer(20)).toBe(0);
  });

  it("goes on after an inference that fails", async () => {
    const { admission, infer } = simulated(1_000);
    await infer(50);
    const failing = admission.run(() => Promise.reject(new Error("no")));
    const next = infer(50);
    await expect(failing).rejects.toThrow("no");
    expect(await next).toBe(0);
  });

  it("lets the event loop turn between two slow inferences", async () => {
    const { infer } = simulated(1_000);
    await infer(50);
    const order: string[] = [];
    const slow = [1, 2, 3].map((number) => infer(20).then(() => order.push(`inference ${number}`)));
    setImmediate(() => {
      order.push("health");
      setImmediate(() => order.push("health"));
    });
    await Promise.all(slow);
    expect(order).toEqual(["inference 1", "health", "inference 2", "health", "inference 3"]);
  });
});
