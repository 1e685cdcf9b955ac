import type { Deployment, ReplicaSet } from "@ai-edge/api";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { desiredReplicas, fenceposts, minAvailable, replicasOf, sumReplicas } from "./bounds.ts";
import { resolveIntOrPercent } from "./int-or-percent.ts";
import { nextStep } from "./rolling-update.ts";
import { scaleStep } from "./scaling.ts";
import { type Rollout, allOf } from "./status.ts";

function deployment(
  replicas: number,
  maxSurge: number | string,
  maxUnavailable: number | string,
): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas,
      selector: {},
      template: { spec: { containers: [] } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } },
    },
  };
}

function replicaSet(name: string, replicas: number, availableReplicas: number, max?: number): ReplicaSet {
  const annotations = { "deployment.kubernetes.io/max-replicas": String(max ?? replicas) };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name, annotations },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas },
  };
}

const sizes = (steps: readonly { replicaSet: ReplicaSet; size: number }[]): Record<string, number> =>
  Object.fromEntries(steps.map((step) => [step.replicaSet.metadata.name, step.size]));

describe("percentages", () => {
  it.each([
    ["25%", 10, "up", 3],
    ["25%", 10, "down", 2],
    ["100%", 3, "down", 3],
    ["0%", 3, "up", 0],
    [2, 3, "up", 2],
    [undefined, 3, "up", 0],
    ["many", 3, "up", 0],
  ] as const)("%s of %i rounded %s is %i", (value, total, rounding, result) => {
    expect(resolveIntOrPercent(value, total, rounding)).toBe(result);
  });

  it("leave one pod unavailable when neither surge nor unavailability is allowed", () => {
    expect(fenceposts(deployment(3, 0, "10%"))).toEqual({ maxSurge: 0, maxUnavailable: 1 });
  });
});

describe("the next step", () => {
  it.each<[string, Deployment, ReplicaSet[], ReplicaSet, Record<string, number>]>([
    [
      "starts with the surge",
      deployment(3, 1, 0),
      [replicaSet("old", 3, 3)],
      replicaSet("new", 0, 0),
      { new: 1 },
    ],
    ["waits for the new pod", deployment(3, 1, 0), [replicaSet("old", 3, 3)], replicaSet("new", 1, 0), {}],
    [
      "lets an old one go for it",
      deployment(3, 1, 0),
      [replicaSet("old", 3, 3)],
      replicaSet("new", 1, 1),
      { old: 2 },
    ],
    ["goes on growing", deployment(3, 1, 0), [replicaSet("old", 2, 2)], replicaSet("new", 1, 1), { new: 2 }],
    [
      "shrinks first without surge",
      deployment(3, 0, 1),
      [replicaSet("old", 3, 3)],
      replicaSet("new", 0, 0),
      { old: 2 },
    ],
    [
      "lets broken old pods go at once",
      deployment(10, 3, 3),
      [replicaSet("old", 8, 8), replicaSet("broken", 2, 0)],
      replicaSet("new", 3, 0),
      { old: 7, broken: 0 },
    ],
    [
      "shrinks a new ReplicaSet that is too large",
      deployment(2, 1, 0),
      [],
      replicaSet("new", 5, 5),
      { new: 2 },
    ],
  ])("%s", (_, of, old, current, steps) => {
    expect(sizes(nextStep({ deployment: of, current, old }))).toEqual(steps);
  });

  it("never takes an available pod below the required number, never exceeds the surge, and always arrives", () => {
    const input = fc.record({
      replicas: fc.integer({ min: 0, max: 12 }),
      maxSurge: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom("25%", "50%", "100%")),
      maxUnavailable: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom("0%", "25%", "50%")),
      olds: fc.integer({ min: 1, max: 3 }),
      /** Which new pods are ready at once, which take some steps. */
      lateness: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 }),
    });
    fc.assert(
      fc.property(input, ({ replicas, maxSurge, maxUnavailable, olds, lateness }) => {
        const of = deployment(replicas, maxSurge, maxUnavailable);
        const share = Math.floor(replicas / olds);
        const old = Array.from({ length: olds }, (_, index) => {
          const size = index === 0 ? replicas - share * (olds - 1) : share;
          return replicaSet(`old-${index}`, size, size);
        });
        let rollout: Rollout = { deployment: of, current: replicaSet("new", 0, 0), old };
        const most = Math.max(desiredReplicas(of) + fenceposts(of).maxSurge, replicas);
        let step = 0;
        for (; step < 500 && !arrived(rollout); step += 1) {
          rollout = apply(rollout, nextStep(rollout));
          expect(sumReplicas(allOf(rollout))).toBeLessThanOrEqual(most);
          const available = allOf(rollout).reduce(
            (sum, set) => sum + (set.status?.availableReplicas ?? 0),
            0,
          );
          expect(available).toBeGreaterThanOrEqual(minAvailable(of));
          if ((lateness[step % lateness.length] ?? 0) === 0 || step % 4 === 3) rollout = becomeReady(rollout);
        }
        expect(arrived(rollout)).toBe(true);
      }),
    );
  });
});

describe("scaling in the middle of a rollout", () => {
  it("changes all in proportion", () => {
    const rollout = (replicas: number): Rollout => ({
      deployment: deployment(replicas, 3, 2),
      current: replicaSet("new", 5, 0, 13),
      old: [replicaSet("old", 8, 8, 13)],
    });
    // The example of upstream's documentation ("Proportional scaling"): 10 to 15 with 8 old and 5 new.
    expect(sizes(scaleStep(rollout(15)))).toEqual({ old: 11, new: 7 });
    expect(sizes(scaleStep(rollout(0)))).toEqual({ old: 0, new: 0 });
  });

  it("leaves the rest to the largest, and empties the old ones of a finished rollout", () => {
    const fresh = replicaSet("new", 4, 4);
    fresh.metadata.annotations = { "deployment.kubernetes.io/desired-replicas": "4" };
    const finished: Rollout = {
      deployment: deployment(4, 1, 1),
      current: fresh,
      old: [replicaSet("old", 2, 2)],
    };
    expect(sizes(scaleStep(finished))).toEqual({ old: 0 });
    expect(sizes(scaleStep({ ...finished, old: [], deployment: deployment(9, 1, 1) }))).toEqual({ new: 9 });
  });
});

function arrived({ deployment: of, current, old }: Rollout): boolean {
  return (
    sumReplicas(old) === 0 &&
    current !== undefined &&
    current.status?.availableReplicas === desiredReplicas(of)
  );
}

/** As the ReplicaSet controller: what is taken away is what does not serve, as far as there is any. */
function apply(rollout: Rollout, steps: ReturnType<typeof nextStep>): Rollout {
  const resize = (set: ReplicaSet): ReplicaSet => {
    const step = steps.find(({ replicaSet: of }) => of === set);
    if (step === undefined) return set;
    const available = Math.min(set.status?.availableReplicas ?? 0, step.size);
    return replicaSet(set.metadata.name, step.size, available);
  };
  const { current } = rollout;
  return { ...rollout, current: current && resize(current), old: rollout.old.map(resize) };
}

function becomeReady(rollout: Rollout): Rollout {
  const { current } = rollout;
  if (current === undefined) return rollout;
  const available = Math.min(replicasOf(current), (current.status?.availableReplicas ?? 0) + 1);
  return { ...rollout, current: replicaSet("new", replicasOf(current), available) };
}
