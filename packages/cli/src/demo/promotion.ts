import { PipelineRun } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { createForgeClient } from "@ai-edge/forge";

import type { ContentCredentials } from "../core/content-credentials.ts";
import type { Endpoints } from "../topology/endpoints.ts";
import type { PackagedModel } from "./packaging.ts";
import { FORGE_TOKEN_SECRET, GIT_CREDENTIALS_SECRET, RUN_NAMESPACE } from "../core/pipeline-namespace.ts";
import { resultOf, waitForRun } from "./pipeline-run.ts";

const OWNER = "ai-edge";
const REPOSITORY = "gitops";

/**
 * Hop 3: opens the pull request that pins a packaged digest, by a `gitops-update-pipeline` PipelineRun.
 * @returns the pull request's URL; undefined when Git pins this digest already
 */
export async function openPullRequest(
  core: Client,
  endpoints: Endpoints,
  image: PackagedModel,
  options: { signal: AbortSignal; note?: (text: string) => void },
): Promise<string | undefined> {
  const kustomization = `apps/${image.model.name}/kustomization.yaml`;
  const edit = (field: string, variable: string) =>
    `yq eval -i "(.images[] | select(.name == \\"edge-model-image\\").${field}) = \\"\${${variable}}\\"" \\\n  ${kustomization}\n`;
  const created = await core.create(PipelineRun, {
    metadata: {
      name: "",
      generateName: `gitops-update-${image.model.name}-`,
      namespace: RUN_NAMESPACE,
      labels: { "tekton.dev/pipeline": "gitops-update-pipeline", "model-name": image.model.name },
    },
    spec: {
      pipelineRef: { name: "gitops-update-pipeline" },
      taskRunTemplate: { serviceAccountName: "pipeline" },
      params: [
        { name: "image-registry-repo", value: image.repository },
        { name: "image-digest", value: image.digest },
        { name: "gitServer", value: endpoints.core.forge },
        { name: "gitApiServer", value: endpoints.core.forge },
        { name: "gitApiPrefix", value: "/api/v3" },
        { name: "gitOrgName", value: OWNER },
        { name: "gitRepoName", value: REPOSITORY },
        { name: "gitRepoBranchBase", value: "main" },
        { name: "gitTokenSecretName", value: FORGE_TOKEN_SECRET },
        { name: "yq-script", value: edit("newName", "IMAGE_NAME") + edit("digest", "IMAGE_DIGEST") },
      ],
      workspaces: [
        {
          name: "git-workspace",
          volumeClaimTemplate: {
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        },
        { name: "git-basic-auth", secret: { secretName: GIT_CREDENTIALS_SECRET } },
      ],
    },
  });
  const run = await waitForRun(core, created.metadata.name, options);
  return resultOf(run, "pr-url");
}

/** Merges a pull request through the forge's API, as its reviewer would. @returns the merge commit */
export async function mergePullRequest(
  endpoints: Endpoints,
  credentials: ContentCredentials,
  url: string,
): Promise<string> {
  const number = Number(/\/(\d+)$/.exec(url)?.[1]);
  const forge = createForgeClient({
    kind: "github",
    apiUrl: `${endpoints.core.forge}/api/v3`,
    token: credentials.token,
  });
  return forge.mergePullRequest({ owner: OWNER, repo: REPOSITORY, number });
}
