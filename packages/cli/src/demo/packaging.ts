import { ConfigMap, PipelineRun } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

import type { Endpoints } from "../topology/endpoints.ts";
import type { DemoModel, GoldenRequest } from "./models.ts";
import { GIT_CREDENTIALS_SECRET, RUN_NAMESPACE } from "../core/pipeline-namespace.ts";
import { resultOf, waitForRun } from "./pipeline-run.ts";

/** A built, smoke-tested and pushed image. */
export interface PackagedModel {
  model: DemoModel;
  version: string;
  /** `host:port/repository`, without tag or digest. */
  repository: string;
  digest: string;
  run: string;
}

/** Hop 2: creates a `git-fetch` PipelineRun for one model version and waits for its image. */
export async function packageModel(
  core: Client,
  endpoints: Endpoints,
  request: { model: DemoModel; version: string; golden: GoldenRequest },
  options: { signal: AbortSignal; note?: (text: string) => void },
): Promise<PackagedModel> {
  const { model, version, golden } = request;
  const testData = `${model.name}-v${version}-test-data`;
  await core.apply(
    ConfigMap,
    {
      metadata: { namespace: RUN_NAMESPACE, name: testData, labels: { "model-name": model.name } },
      data: { "data.json": golden.request, "output.json": golden.answer },
    },
    { fieldManager: "ai-edge-demo", force: true },
  );
  const repository = `${new URL(endpoints.core.registry).host}/ai-edge/${model.name}`;
  const created = await core.create(PipelineRun, {
    metadata: {
      name: "",
      generateName: `git-fetch-${model.name}-`,
      namespace: RUN_NAMESPACE,
      labels: { "tekton.dev/pipeline": "git-fetch", "model-name": model.name },
    },
    spec: {
      pipelineRef: { name: "git-fetch" },
      taskRunTemplate: { serviceAccountName: "pipeline" },
      params: runParameters(endpoints, model, version, repository),
      workspaces: [
        {
          name: "build-workspace-pv",
          volumeClaimTemplate: {
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        },
        { name: "test-data", configMap: { name: testData } },
        { name: "git-basic-auth", secret: { secretName: GIT_CREDENTIALS_SECRET } },
      ],
    },
  });
  const run = await waitForRun(core, created.metadata.name, options);
  const digest = resultOf(run, "buildah-sha");
  if (digest === undefined)
    throw new Error(`PipelineRun ${run.metadata.name} succeeded without the result buildah-sha`);
  return { model, version, repository, digest, run: run.metadata.name };
}

function runParameters(endpoints: Endpoints, model: DemoModel, version: string, repository: string) {
  const models = `${endpoints.core.forge}/ai-edge/models.git`;
  return [
    { name: "model-name", value: model.name },
    { name: "model-version", value: version },
    { name: "git-model-repo", value: models },
    { name: "git-model-revision", value: "main" },
    { name: "model-relative-path", value: model.relativePath },
    { name: "model-dir", value: model.modelDir },
    { name: "git-containerfile-repo", value: models },
    { name: "git-containerfile-revision", value: "main" },
    { name: "containerfile-relative-path", value: model.containerfile },
    { name: "test-endpoint", value: model.endpoint },
    { name: "candidate-image-tag-reference", value: `${repository}:$(params.model-version)-candidate` },
    {
      name: "target-image-tag-references",
      value: [
        `${repository}:$(params.model-version)-$(context.pipelineRun.uid)`,
        `${repository}:$(params.model-version)`,
        `${repository}:latest`,
      ],
    },
    { name: "upon-end", value: "delete" },
  ];
}
