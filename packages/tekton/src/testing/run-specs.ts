import type { PipelineRunSpec, TektonParam } from "@ai-edge/api";

export interface Addresses {
  /** http://host:port of the forge, without a slash at its end. */
  readonly forgeUrl: string;
  /** host:port of the registry. */
  readonly registryHost: string;
}

export interface FetchRunChanges {
  readonly params?: readonly TektonParam[];
  /** The ConfigMap with the golden request. */
  readonly testData?: string;
  readonly spec?: Partial<PipelineRunSpec>;
  /** Parameters that are left out, by name. */
  readonly omit?: readonly string[];
}

/** A run of git-fetch that packages models/`model` of the seeded repository; `more` replaces and omits parameters. */
export function fetchRunSpec(
  { forgeUrl, registryHost }: Addresses,
  model: string,
  more: FetchRunChanges = {},
): PipelineRunSpec {
  const params: TektonParam[] = [
    { name: "model-name", value: model },
    { name: "git-model-repo", value: `${forgeUrl}/edge/models.git` },
    { name: "model-relative-path", value: "models" },
    { name: "git-containerfile-repo", value: `${forgeUrl}/edge/models.git` },
    { name: "containerfile-relative-path", value: "Containerfile" },
    { name: "test-endpoint", value: "v1/models/double:predict" },
    {
      name: "target-image-tag-references",
      value: [
        `${registryHost}/edge/$(params.model-name):$(params.model-version)-$(context.pipelineRun.uid)`,
        `${registryHost}/edge/$(params.model-name):latest`,
      ],
    },
  ];
  const given = new Map(params.map((param) => [param.name, param]));
  for (const param of more.params ?? []) given.set(param.name, param);
  for (const name of more.omit ?? []) given.delete(name);
  return {
    pipelineRef: { name: "git-fetch" },
    params: [...given.values()],
    taskRunTemplate: { serviceAccountName: "pipeline" },
    workspaces: [
      {
        name: "build-workspace-pv",
        volumeClaimTemplate: {
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      },
      { name: "test-data", configMap: { name: more.testData ?? "golden" } },
    ],
    ...more.spec,
  };
}

/** A run of gitops-update-pipeline that pins `digest` in the seeded repository. */
export function updateRunSpec({ forgeUrl, registryHost }: Addresses, digest: string): PipelineRunSpec {
  const yq = (field: string, variable: string): string =>
    `yq eval -i "(.images[] | select(.name == \\"edge-model-template-image\\").${field}) = \\"\${${variable}}\\"" \\\n  apps/double/kustomization.yaml`;
  return {
    pipelineRef: { name: "gitops-update-pipeline" },
    params: [
      { name: "image-registry-repo", value: `${registryHost}/edge/double` },
      { name: "image-digest", value: digest },
      { name: "gitServer", value: forgeUrl },
      { name: "gitApiServer", value: forgeUrl },
      { name: "gitApiPrefix", value: "/api/v3" },
      { name: "gitOrgName", value: "edge" },
      { name: "gitRepoName", value: "gitops" },
      { name: "gitTokenSecretName", value: "forge" },
      { name: "yq-script", value: `${yq("newName", "IMAGE_NAME")}\n${yq("digest", "IMAGE_DIGEST")}\n` },
    ],
    workspaces: [
      {
        name: "git-workspace",
        volumeClaimTemplate: {
          metadata: { name: "" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      },
      { name: "git-basic-auth", secret: { secretName: "forge" } },
    ],
  };
}
