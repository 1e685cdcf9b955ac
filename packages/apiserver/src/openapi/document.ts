import { resourcesOf } from "../discovery/documents.ts";
import type { Resource } from "../resources/resource.ts";
import type { ResourceRegistry } from "../resources/registry.ts";

const PATCH_TYPES = [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];
/** kubectl looks for these on PATCH before it relies on server-side validation. */
const WRITE_PARAMETERS = ["dryRun", "fieldManager", "fieldValidation"].map((name) => ({
  name,
  in: "query",
  schema: { type: "string" },
}));

/** The OpenAPI v3 document of one group and version, or undefined if nothing is served there. */
export function groupVersionDocument(
  registry: ResourceRegistry,
  group: string,
  version: string,
): Record<string, unknown> | undefined {
  const resources = resourcesOf(registry, group, version);
  if (resources.length === 0) return undefined;
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.33.0" },
    paths: Object.fromEntries(resources.flatMap((resource) => pathsOf(resource))),
    components: {
      schemas: Object.fromEntries(resources.map((resource) => [schemaName(resource), schemaOf(resource)])),
    },
  };
}

function pathsOf(resource: Resource): [string, unknown][] {
  const { group, version, plural, namespaced } = resource.type;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const kind = gvkOf(resource);
  const patchTypes = resource.custom ? PATCH_TYPES.slice(0, 3) : PATCH_TYPES;
  const operation = (action: string, body: readonly string[] = []): unknown => ({
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": kind,
    ...(body.length === 0
      ? {}
      : {
          parameters: WRITE_PARAMETERS,
          requestBody: {
            content: Object.fromEntries(body.map((type) => [type, { schema: { type: "object" } }])),
          },
        }),
    responses: { 200: { description: "OK" } },
  });
  const json = ["application/json"];
  return [
    [collection, { get: operation("list"), post: operation("post", json) }],
    [
      `${collection}/{name}`,
      { get: operation("get"), put: operation("put", json), patch: operation("patch", patchTypes) },
    ],
  ];
}

function schemaOf(resource: Resource): Record<string, unknown> {
  return { ...resource.schema.openApi(), "x-kubernetes-group-version-kind": [gvkOf(resource)] };
}

function gvkOf({ type }: Resource): { group: string; version: string; kind: string } {
  return { group: type.group, version: type.version, kind: type.kind };
}

function schemaName({ type }: Resource): string {
  const reversed = type.group === "" ? "io.k8s.api.core" : type.group.split(".").toReversed().join(".");
  return `${reversed}.${type.version}.${type.kind}`;
}
