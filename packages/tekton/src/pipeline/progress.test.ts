import type { PipelineSpec, PipelineTask, TaskRun } from "@ai-edge/api";
import { describe, expect, test } from "vitest";
import { validateGraph } from "./graph.ts";
import { progressOf } from "./progress.ts";
import { SKIP } from "./skip-reason.ts";

function task(name: string, more: Partial<PipelineTask> = {}): PipelineTask {
  return { name, taskRef: { name: "t" }, ...more };
}

function taskRun(
  name: string,
  outcome: "running" | "succeeded" | "failed",
  results: Record<string, string> = {},
): [string, TaskRun] {
  const status = { running: "Unknown", succeeded: "True", failed: "False" } as const;
  return [
    name,
    {
      apiVersion: "tekton.dev/v1",
      kind: "TaskRun",
      metadata: { name },
      spec: {},
      status: {
        conditions: [{ type: "Succeeded", status: status[outcome], reason: "x" }],
        results: Object.entries(results).map(([key, value]) => ({ name: key, value })),
      },
    },
  ];
}

function states(spec: PipelineSpec, ...runs: [string, TaskRun][]): Record<string, string> {
  return Object.fromEntries(
    progressOf(spec, new Map(runs)).tasks.map((entry) => [entry.task.name, entry.skipReason ?? entry.state]),
  );
}

const chain: PipelineSpec = {
  tasks: [
    task("a"),
    task("b", { runAfter: ["a"] }),
    task("c", { params: [{ name: "p", value: "$(tasks.b.results.r)" }] }),
  ],
};

test("tasks start when those before them, by order or by result, have succeeded", () => {
  expect(states(chain)).toEqual({ a: "ready", b: "waiting", c: "waiting" });
  expect(states(chain, taskRun("a", "running"))).toEqual({ a: "running", b: "waiting", c: "waiting" });
  expect(states(chain, taskRun("a", "succeeded"))).toEqual({ a: "succeeded", b: "ready", c: "waiting" });
  expect(states(chain, taskRun("a", "succeeded"), taskRun("b", "succeeded", { r: "1" }))).toEqual({
    a: "succeeded",
    b: "succeeded",
    c: "ready",
  });
});

test("a failure stops the rest, lets running ones finish, and then runs finally", () => {
  const spec: PipelineSpec = {
    tasks: [task("a"), task("b"), task("c", { runAfter: ["b"] })],
    finally: [task("f")],
  };
  expect(states(spec, taskRun("a", "failed"), taskRun("b", "running"))).toEqual({
    a: "failed",
    b: "running",
    c: SKIP.stopping,
    f: "waiting",
  });
  expect(states(spec, taskRun("a", "failed"), taskRun("b", "succeeded"))).toEqual({
    a: "failed",
    b: "succeeded",
    c: SKIP.stopping,
    f: "ready",
  });
});

test("a result that its task did not write fails the run", () => {
  expect(() => states(chain, taskRun("a", "succeeded"), taskRun("b", "succeeded"))).toThrow(
    "task c uses result r of task b, which did not write it",
  );
});

describe("when", () => {
  const when = [{ input: "$(tasks.a.results.commit)", operator: "notin" as const, values: ["1"] }];
  const spec: PipelineSpec = {
    tasks: [
      task("a"),
      task("b", { when }),
      task("ordered", { runAfter: ["b"] }),
      task("user", { params: [{ name: "p", value: "$(tasks.b.results.r)" }] }),
      task("after", { runAfter: ["user"] }),
    ],
  };

  test("holds: the task runs", () => {
    expect(states(spec, taskRun("a", "succeeded", { commit: "2" }))).toMatchObject({ b: "ready" });
  });

  test("does not hold: users of its results are skipped with it, those ordered after it run", () => {
    expect(states(spec, taskRun("a", "succeeded", { commit: "1" }))).toEqual({
      a: "succeeded",
      b: SKIP.when,
      ordered: "ready",
      user: SKIP.results,
      after: SKIP.parent,
    });
  });
});

test.each<[PipelineSpec, RegExp]>([
  [{ tasks: [] }, /has no tasks/],
  [{ tasks: [task("a"), task("a")] }, /task a is already present/],
  [{ tasks: [task("a", { runAfter: ["x"] })] }, /task a depends on x but x wasn't present/],
  [
    {
      tasks: [
        task("a", { runAfter: ["b"] }),
        task("b", { params: [{ name: "p", value: "$(tasks.a.results.r)" }] }),
      ],
    },
    /cycle detected: a -> b -> a/,
  ],
  [{ tasks: [{ name: "a" }] }, /needs one of taskRef and taskSpec/],
  [{ tasks: [task("a", { matrix: {} })] }, /matrix, which is not supported/],
  [
    { tasks: [task("a")], finally: [task("f", { params: [{ name: "p", value: "$(tasks.x.results.r)" }] })] },
    /uses a result of x/,
  ],
])("graph %j is refused", (spec, message) => {
  expect(() => validateGraph(spec)).toThrow(message);
});
