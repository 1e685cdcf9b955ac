import { execFile } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { Deployment, PersistentVolumeClaim, Service, TaskRun } from "@ai-edge/api";
import { isStatus, keyOf } from "@ai-edge/apimachinery";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { taskRunLogs } from "./index.ts";
import { succeededCondition } from "./run-state.ts";
import { ELSEWHERE, NAMESPACE, PipelineCore, resultsOf } from "./testing/pipeline-core.ts";

const run = promisify(execFile);

let core: PipelineCore;

beforeAll(async () => {
  core = await PipelineCore.start();
});
afterAll(() => core?.close());

describe("git-fetch", () => {
  test("takes a model from Git to tested tags, with upstream's results", async () => {
    const done = await core.finished(core.fetchRun("double"));
    expect(succeededCondition(done)).toMatchObject({
      status: "True",
      reason: "Succeeded",
      message: "Tasks Completed: 12 (Failed: 0, Cancelled 0), Skipped: 0",
    });
    const found = resultsOf(done);
    const head = (await run("git", ["ls-remote", core.cloneUrl("models"), "refs/heads/main"])).stdout.slice(
      0,
      40,
    );
    const uid = done.metadata.uid ?? "";
    expect(Object.keys(found)).toHaveLength(17);
    expect(found).toMatchObject({
      "git-model-fetched-commit": head,
      "git-model-fetched-url": `${core.forge.url}/edge/models.git`,
      "git-model-fetched-commit-epoch": "0",
      "git-containerfile-fetched-commit": head,
      "model-files-list": "1/\n",
      "candidate-image-tag-reference": `${core.registry.host}/${NAMESPACE}/double:1-candidate`,
      "target-image-tag-references": `${core.registry.host}/edge/double:1-${uid} ${core.registry.host}/edge/double:latest`,
      "image-digest-reference": `${core.registry.host}/${NAMESPACE}/double@${String(found["buildah-sha"])}`,
      "model-name": "double",
      "model-version": "1",
      "buildah-version": "ai-edge-0.1.0\n",
    });
    expect(await core.digestOfTag("edge/double", "latest")).toBe(found["buildah-sha"]);
    expect(await core.digestOfTag("edge/double", `1-${uid}`)).toBe(found["buildah-sha"]);
    expect(core.images).toContain(
      `${core.registry.host}/${NAMESPACE}/double:1-candidate@${String(found["buildah-sha"])}`,
    );
    await expect(core.client.get(Deployment, { namespace: NAMESPACE, name: "double-1" })).rejects.toSatisfy(
      (error) => isStatus(error, "NotFound"),
    );
    await expect(core.client.get(Service, { namespace: NAMESPACE, name: "double-1" })).rejects.toSatisfy(
      (error) => isStatus(error, "NotFound"),
    );
    const taskRun = await core.client.get(TaskRun, {
      namespace: NAMESPACE,
      name: `${done.metadata.name}-test-model-rest-svc`,
    });
    expect(taskRun.metadata).toMatchObject({
      labels: {
        "tekton.dev/pipeline": "git-fetch",
        "tekton.dev/pipelineRun": done.metadata.name,
        "tekton.dev/pipelineRunUID": uid,
        "tekton.dev/pipelineTask": "test-model-rest-svc",
        "tekton.dev/memberOf": "tasks",
        "tekton.dev/task": "test-model-rest-svc",
      },
      annotations: { "aiedge.dev/executor": "native" },
    });
    expect(taskRun.status?.steps).toMatchObject([
      { name: "call-rest", terminated: { exitCode: 0, reason: "Completed" } },
    ]);
    expect(done.status?.childReferences).toHaveLength(12);
    expect(await text(taskRunLogs(join(core.directory, "tekton"), keyOf(taskRun)))).toContain(
      "the answer is the golden one",
    );
    const claims = await core.client.list(PersistentVolumeClaim, { namespace: NAMESPACE });
    expect(claims.items.some((claim) => claim.metadata.ownerReferences?.[0]?.uid === uid)).toBe(true);
  });

  test("the operator's url.<base>.insteadOf leads git to the forge, with the forge's credentials", async () => {
    const done = await core.finished(
      core.fetchRun("double", { params: [{ name: "git-model-repo", value: `${ELSEWHERE}models.git` }] }),
    );
    expect(succeededCondition(done)).toMatchObject({ status: "True" });
    expect(resultsOf(done)["git-model-fetched-url"]).toBe(`${ELSEWHERE}models.git`);
  });

  test("a v1beta1 run is converted, and its fields do what they say", async () => {
    const { taskRunTemplate: _template, ...spec } = core.fetchRun("double", {
      params: [
        { name: "upon-end", value: "stop" },
        { name: "model-version", value: "2" },
      ],
    });
    const type = await core.client.resourceFor("tekton.dev/v1beta1", "PipelineRun");
    const old = {
      apiVersion: "tekton.dev/v1beta1",
      kind: "PipelineRun",
      metadata: { name: "old-style", namespace: NAMESPACE },
      spec: { ...spec, serviceAccountName: "pipeline", timeout: "1h0m0s" },
    };
    await core.client.create(type, old);
    const done = await core.untilDone({ ...old, spec });
    expect(done.spec).toMatchObject({
      taskRunTemplate: { serviceAccountName: "pipeline" },
      timeouts: { pipeline: "1h0m0s" },
    });
    expect(succeededCondition(done)?.status).toBe("True");
    expect(
      (await core.client.get(Deployment, { namespace: NAMESPACE, name: "double-2" })).spec.replicas,
    ).toBe(0);
  });

  test.each<[string, Parameters<PipelineCore["fetchRun"]>, string, RegExp]>([
    [
      "the golden answer differs",
      ["double", { testData: "wrong" }],
      "Failed",
      /test-model-rest-svc: the golden answer differs: predictions\[0\]: expected 43, got 42/,
    ],
    [
      "the model is missing",
      ["nothing"],
      "Failed",
      /move-model-to-root-dir: model directory models\/nothing does not exist in the repository; there is: double, sklearn, strange/,
    ],
    [
      "the Containerfile is missing",
      ["double", { params: [{ name: "containerfile-relative-path", value: "no/Containerfile" }] }],
      "Failed",
      /check-model-and-containerfile-exists: Containerfile containerfile_repo\/no\/Containerfile does not exist/,
    ],
    [
      "the model is a pickle",
      ["sklearn"],
      "Failed",
      /model.pkl is a Python pickle \(scikit-learn\), which runs code when loaded/,
    ],
    [
      "the model is of no known format",
      ["strange"],
      "Failed",
      /none of data.bin is a known model; known are ONNX/,
    ],
    [
      "the Containerfile needs an engine",
      ["double", { params: [{ name: "containerfile-relative-path", value: "Containerfile.run" }] }],
      "Failed",
      /build-container-image: .*RUN pip install everything needs a container engine/,
    ],
    [
      "a path leads out of the workspace",
      ["double", { params: [{ name: "containerfile-relative-path", value: "../../../etc/passwd" }] }],
      "Failed",
      /leads out of its workspace/,
    ],
    [
      "the repository is not there",
      ["double", { params: [{ name: "git-model-repo", value: "ext::sh -c id" }] }],
      "Failed",
      /is not http or https/,
    ],
  ])("when %s, the run says why and no tag is pushed", async (_what, input, reason, message) => {
    const target = `never-${Math.random().toString(36).slice(2)}`;
    const [model, more = {}] = input;
    const targets = {
      name: "target-image-tag-references",
      value: [`${core.registry.host}/edge/${target}:1`],
    };
    const done = await core.finished(
      core.fetchRun(model, { ...more, params: [...(more.params ?? []), targets] }),
    );
    expect(succeededCondition(done)).toMatchObject({
      status: "False",
      reason,
      message: expect.stringMatching(message),
    });
    expect(await core.digestOfTag(`edge/${target}`, "1")).toBeUndefined();
  });

  test("a candidate goes to another namespace only if the run's ServiceAccount may write there", async () => {
    const params = [{ name: "target-namespace", value: "kube-system" }];
    const done = await core.finished(core.fetchRun("double", { params }));
    expect(succeededCondition(done)?.message).toMatch(
      /test-container-deploy: ServiceAccount models\/pipeline may not create deployments in namespace kube-system/,
    );
  });
});

test("no secret is in any status or log, and no scratch file is left", async () => {
  const { texts, leaking, scratchFiles } = await core.traces();
  expect(texts).toBeGreaterThan(30);
  expect({ leaking, scratchFiles }).toEqual({ leaking: [], scratchFiles: [] });
});
