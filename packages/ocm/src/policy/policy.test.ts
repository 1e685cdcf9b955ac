import type { UnstructuredObject } from "@ai-edge/apimachinery";
import {
  ConfigMap,
  ConfigurationPolicy,
  ManagedClusterSetBinding,
  Namespace,
  Placement,
  PlacementBinding,
  Policy,
  type PolicySpec,
  Secret,
} from "@ai-edge/api";
import { type TemporaryDirectory, type TestApiServer, temporaryDirectory } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type RunningKlusterlet,
  type TestHub,
  runKlusterlet,
  startEdge,
  startHub,
  tokenFor,
  eventually,
} from "../../testdata/clusters.ts";

const NAME = "edge-1";
const NS = "policies";
const SET = "poc-near-edge";
let hub: TestHub;
let edge: TestApiServer;
let directory: TemporaryDirectory;
let agents: RunningKlusterlet;

beforeAll(async () => {
  [hub, edge, directory] = await Promise.all([
    startHub({ clusterSet: SET }),
    startEdge(),
    temporaryDirectory("ai-edge-klusterlet-"),
  ]);
  agents = await runKlusterlet(edge, { dataDir: directory.path, joinToken: await tokenFor(hub, NAME) });
  await hub.client.create(Namespace, { metadata: { name: NS } });
  await hub.client.create(ManagedClusterSetBinding, {
    metadata: { namespace: NS, name: SET },
    spec: { clusterSet: SET },
  });
  await hub.client.create(Placement, { metadata: { namespace: NS, name: "near" }, spec: {} });
});
afterAll(async () => {
  await agents?.stop();
  await Promise.all([hub?.close(), edge?.close(), directory?.remove()]);
});

async function createPolicy(
  name: string,
  objects: UnstructuredObject[],
  more: { action?: "inform" | "enforce"; complianceType?: string } = {},
): Promise<void> {
  const objectDefinition = {
    apiVersion: "policy.open-cluster-management.io/v1",
    kind: "ConfigurationPolicy",
    metadata: { name },
    spec: {
      severity: "low",
      "object-templates": objects.map((object) => ({
        complianceType: more.complianceType ?? "musthave",
        objectDefinition: object,
      })),
    },
  };
  const spec: PolicySpec = {
    disabled: false,
    remediationAction: more.action ?? "enforce",
    "policy-templates": [{ objectDefinition }],
  };
  await hub.client.create(Policy, { metadata: { namespace: NS, name }, spec });
  await hub.client.create(PlacementBinding, {
    metadata: { namespace: NS, name },
    placementRef: { apiGroup: "cluster.open-cluster-management.io", kind: "Placement", name: "near" },
    subjects: [{ apiGroup: "policy.open-cluster-management.io", kind: "Policy", name }],
  });
}

async function root(name: string): Promise<Policy["status"]> {
  return (await hub.client.get(Policy, { namespace: NS, name })).status;
}

async function messageOf(name: string): Promise<string | undefined> {
  const replica = await hub.client
    .get(Policy, { namespace: NAME, name: `${NS}.${name}` })
    .catch(() => undefined);
  return replica?.status?.details?.[0]?.history?.[0]?.message;
}

function configMap(name: string, data: Record<string, string>): UnstructuredObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name }, data };
}

describe("policies", () => {
  it("deliver an image pull secret of the hub to the site, and report back", async () => {
    const data = { ".dockerconfigjson": Buffer.from("{}").toString("base64") };
    await hub.client.create(Secret, {
      metadata: { namespace: NS, name: "pull" },
      type: "kubernetes.io/dockerconfigjson",
      data,
    });
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: "default", name: "pull", labels: { of: "{{hub .ManagedClusterName hub}}" } },
      type: "kubernetes.io/dockerconfigjson",
      data: `{{hub copySecretData "${NS}" "pull" hub}}`,
    };
    await createPolicy("pull-secret", [secret]);
    await eventually(() => root("pull-secret")).toMatchObject({
      compliant: "Compliant",
      status: [{ clustername: NAME, clusternamespace: NAME, compliant: "Compliant" }],
      placement: [
        {
          placement: "near",
          placementBinding: "pull-secret",
          decisions: [{ clusterName: NAME, clusterNamespace: NAME }],
        },
      ],
    });
    const own = await edge.client.get(Secret, { namespace: "default", name: "pull" });
    expect(own).toMatchObject({
      type: "kubernetes.io/dockerconfigjson",
      data,
      metadata: { labels: { of: NAME } },
    });
    expect(
      await edge.client.get(ConfigurationPolicy, { namespace: NAME, name: "pull-secret" }),
    ).toMatchObject({
      spec: { remediationAction: "enforce" },
      status: {
        compliant: "Compliant",
        relatedObjects: [
          {
            object: { kind: "Secret", metadata: { name: "pull", namespace: "default" } },
            compliant: "Compliant",
          },
        ],
      },
    });
  });

  it("mend what changes at the site, and only report it with inform", async () => {
    await createPolicy("mended", [configMap("mended", { a: "1" })]);
    await eventually(() => messageOf("mended")).toBe(
      "Compliant; notification - configmaps [mended] found as specified in namespace default",
    );
    const change = { type: "merge" as const, body: { data: { a: "2", own: "x" } } };
    await edge.client.patch(ConfigMap, { namespace: "default", name: "mended" }, change);
    await eventually(
      async () => (await edge.client.get(ConfigMap, { namespace: "default", name: "mended" })).data,
    ).toEqual({ a: "1", own: "x" });
    await createPolicy("informed", [configMap("informed", { a: "1" })], { action: "inform" });
    await eventually(() => messageOf("informed")).toBe(
      "NonCompliant; violation - configmaps [informed] not found in namespace default",
    );
    expect(await root("informed")).toMatchObject({ compliant: "NonCompliant" });
    await edge.client.create(ConfigMap, {
      metadata: { namespace: "default", name: "informed" },
      data: { a: "1" },
    });
    await eventually(async () => (await root("informed"))?.compliant).toBe("Compliant");
  });

  it("remove what must not be there", async () => {
    await edge.client.create(ConfigMap, { metadata: { namespace: "default", name: "unwanted" } });
    await createPolicy("unwanted", [configMap("unwanted", {})], { complianceType: "mustnothave" });
    await eventually(() => messageOf("unwanted")).toMatch(
      /^Compliant; notification - configmaps \[unwanted\] (missing as expected|was deleted successfully)/,
    );
    await expect(
      edge.client.get(ConfigMap, { namespace: "default", name: "unwanted" }),
    ).rejects.toMatchObject({ reason: "NotFound" });
  });

  it.each([
    [
      "another-namespace",
      `{{hub fromSecret "kube-system" "x" "y" hub}}`,
      "hub templates may read only the policy's namespace policies, not kube-system",
    ],
    [
      "no-such-function",
      `{{hub lookup "v1" "Secret" hub}}`,
      `hub template function "lookup" is not supported`,
    ],
    ["no-such-secret", `{{hub fromSecret "${NS}" "nothing" "y" hub}}`, "Secret policies/nothing: "],
    ["edge-template", "{{ fromSecret }}", "templates ({{ … }}) of the managed cluster are not supported"],
  ])("say why they cannot be applied: %s", async (name, value, message) => {
    await createPolicy(name, [configMap(name, { value })]);
    await eventually(() => messageOf(name)).toContain(message);
    expect((await root(name))?.compliant).toBe("NonCompliant");
    await expect(edge.client.get(ConfigMap, { namespace: "default", name })).rejects.toMatchObject({
      reason: "NotFound",
    });
  });

  it("go without taking away what they made", async () => {
    await createPolicy("going", [configMap("going", { a: "1" })]);
    await eventually(() => messageOf("going")).toMatch(/^Compliant/);
    await hub.client.patch(
      Policy,
      { namespace: NS, name: "going" },
      { type: "merge", body: { spec: { disabled: true } } },
    );
    await eventually(async () =>
      (await edge.client.list(ConfigurationPolicy, { namespace: NAME })).items.map(
        ({ metadata }) => metadata.name,
      ),
    ).not.toContain("going");
    expect((await edge.client.get(ConfigMap, { namespace: "default", name: "going" })).data).toEqual({
      a: "1",
    });
  });
});
