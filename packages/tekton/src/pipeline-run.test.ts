import { createServer } from "node:http";
import { PipelineRun, TaskRun } from "@ai-edge/api";
import type { PipelineRunSpec } from "@ai-edge/api";
import { keyOf } from "@ai-edge/apimachinery";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { succeededCondition } from "./run-state.ts";
import { NAMESPACE, PipelineCore, resultsOf } from "./testing/pipeline-core.ts";

let core: PipelineCore;

beforeAll(async () => {
  core = await PipelineCore.start();
});
afterAll(() => core?.close());

describe("a PipelineRun", () => {
  test.each<[string, () => PipelineRunSpec, string, RegExp]>([
    [
      "upon-end is foo",
      () => core.fetchRun("double", { params: [{ name: "upon-end", value: "foo" }] }),
      "InvalidParamValue",
      /parameter upon-end is "foo": it must be one of delete, keep, stop/,
    ],
    [
      "a parameter is missing",
      () => core.fetchRun("double", { omit: ["model-name", "test-endpoint"] }),
      "ParameterMissing",
      /missing parameters: \[model-name test-endpoint\]/,
    ],
    [
      "a workspace is missing",
      () => core.fetchRun("double", { spec: { workspaces: [] } }),
      "InvalidWorkspaceBindings",
      /pipeline requires workspace with name "build-workspace-pv" be provided by pipelinerun/,
    ],
    [
      "a parameter has the wrong type",
      () => core.fetchRun("double", { params: [{ name: "target-image-tag-references", value: "x" }] }),
      "ParameterTypeMismatch",
      /target-image-tag-references \(want array\)/,
    ],
    [
      "the Pipeline does not exist",
      () => core.fetchRun("double", { spec: { pipelineRef: { name: "none" } } }),
      "CouldntGetPipeline",
      /Pipeline "none" was found in none of the namespaces models, openshift-pipelines/,
    ],
    [
      "a volume is not a legal one",
      () =>
        core.fetchRun("double", {
          spec: {
            workspaces: [
              { name: "build-workspace-pv", volumeClaimTemplate: { spec: {} } },
              { name: "test-data", emptyDir: {} },
            ],
          },
        }),
      "CouldntCreateWorkspacePVC",
      /cannot get a volume for workspace "build-workspace-pv": .*is invalid/,
    ],
    [
      "the graph has a circle",
      () =>
        core.fetchRun("double", {
          spec: {
            pipelineRef: {},
            pipelineSpec: { tasks: [{ name: "a", runAfter: ["a"], taskRef: { name: "git-clone" } }] },
          },
        }),
      "PipelineInvalidGraph",
      /cycle detected: a -> a/,
    ],
    [
      "a Task does not exist",
      () =>
        core.fetchRun("double", {
          spec: { pipelineSpec: { tasks: [{ name: "a", taskRef: { name: "no-task" } }] } },
        }),
      "CouldntGetTask",
      /Task "no-task" was found in none/,
    ],
    [
      "a timeout is no duration",
      () => core.fetchRun("double", { spec: { timeouts: { pipeline: "soon" } } }),
      "PipelineValidationFailed",
      /"soon" is not a duration/,
    ],
  ])("when %s, nothing is started", async (_what, spec, reason, message) => {
    const done = await core.finished(spec());
    expect(succeededCondition(done)).toMatchObject({
      status: "False",
      reason,
      message: expect.stringMatching(message),
    });
    const { items } = await core.client.list(TaskRun, {
      namespace: NAMESPACE,
      labelSelector: `tekton.dev/pipelineRun=${done.metadata.name}`,
    });
    expect(items).toEqual([]);
  });

  test("a Task without a native executor fails with what to do", async () => {
    const taskSpec = { steps: [{ name: "s", image: "bash", script: "echo hi" }] };
    const done = await core.finished({ pipelineSpec: { tasks: [{ name: "a", taskSpec }] } });
    expect(succeededCondition(done)).toMatchObject({
      status: "False",
      reason: "Failed",
      message: expect.stringContaining("has no native executor"),
    });
    const taskRun = await core.client.get(TaskRun, { namespace: NAMESPACE, name: `${done.metadata.name}-a` });
    expect(succeededCondition(taskRun)?.reason).toBe("TaskRunExecutorMissing");
  });

  test("retries, then finally with the state of the tasks", async () => {
    const clone = { taskRef: { name: "git-clone" }, workspaces: [{ name: "output", workspace: "w" }] };
    const done = await core.finished({
      pipelineSpec: {
        workspaces: [{ name: "w" }],
        tasks: [
          {
            name: "fails",
            ...clone,
            retries: 1,
            params: [{ name: "URL", value: `${core.forge.url}/edge/none.git` }],
          },
          { name: "never", runAfter: ["fails"], ...clone },
        ],
        finally: [
          {
            name: "last",
            taskRef: { name: "sanitise-object-name" },
            params: [
              { name: "input-string", value: "$(tasks.fails.status) $(tasks.status) $(tasks.never.status)" },
            ],
          },
        ],
        results: [{ name: "states", value: "$(finally.last.results.output-string)" }],
      },
      workspaces: [{ name: "w", emptyDir: {} }],
    });
    expect(succeededCondition(done)?.message).toMatch(
      /^Tasks Completed: 2 \(Failed: 1, Cancelled 0\), Skipped: 1\. fails: git fetch: /,
    );
    expect(resultsOf(done)).toEqual({ states: "failed-failed-none" });
    expect(done.status?.skippedTasks).toEqual([{ name: "never", reason: "PipelineRun was stopping" }]);
    const taskRun = await core.client.get(TaskRun, {
      namespace: NAMESPACE,
      name: `${done.metadata.name}-fails`,
    });
    expect(taskRun.status?.retriesStatus).toHaveLength(1);
  });

  test("a run that takes too long is stopped", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const params = [{ name: "git-model-repo", value: `http://127.0.0.1:${port}/x.git` }];
    const done = await core.finished(
      core.fetchRun("double", { params, spec: { timeouts: { pipeline: "1s" } } }),
    );
    expect(succeededCondition(done)).toMatchObject({
      reason: "PipelineRunTimeout",
      message: `PipelineRun "${done.metadata.name}" failed to finish within "1s"`,
    });
    silent.closeAllConnections();
    silent.close();
  });

  test("a run that is cancelled stops where it stands", async () => {
    // A repository that accepts the connection and never answers.
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const created = await core.client.create(PipelineRun, {
      metadata: { name: "cancelled", namespace: NAMESPACE },
      spec: core.fetchRun("double", {
        params: [{ name: "git-model-repo", value: `http://127.0.0.1:${port}/x.git` }],
      }),
    });
    await vi.waitFor(async () => {
      const taskRun = await core.client.get(TaskRun, {
        namespace: NAMESPACE,
        name: "cancelled-fetch-model-git",
      });
      expect(taskRun.status?.steps?.[0]?.running).toBeDefined();
    });
    await core.client.patch(PipelineRun, keyOf(created), {
      type: "merge",
      body: { spec: { status: "Cancelled" } },
    });
    expect(succeededCondition(await core.untilDone(created))).toMatchObject({
      status: "False",
      reason: "Cancelled",
      message: 'PipelineRun "cancelled" was cancelled',
    });
    silent.closeAllConnections();
    silent.close();
  });

  test("a run goes on after the controllers were stopped in the middle of a step", async () => {
    const open = core.closeGate();
    const metadata = { name: "restarted", namespace: NAMESPACE };
    const created = await core.client.create(PipelineRun, {
      metadata,
      spec: core.fetchRun("double", { params: [{ name: "model-version", value: "3" }] }),
    });
    await vi.waitFor(async () => {
      const taskRun = await core.client.get(TaskRun, {
        namespace: NAMESPACE,
        name: "restarted-fetch-model-git",
      });
      expect(taskRun.status?.steps?.[0]?.running).toBeDefined();
    });
    await core.stopControllers();
    open();
    core.startControllers();
    expect(succeededCondition(await core.untilDone(created))).toMatchObject({
      status: "True",
      reason: "Succeeded",
    });
  });
});

test("no secret is in any status or log, and no scratch file is left", async () => {
  const { texts, leaking, scratchFiles } = await core.traces();
  expect(texts).toBeGreaterThan(5);
  expect({ leaking, scratchFiles }).toEqual({ leaking: [], scratchFiles: [] });
});
