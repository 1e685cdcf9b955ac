import { X509Certificate, generateKeyPairSync } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { generateName } from "@ai-edge/apimachinery";
import {
  CertificateSigningRequest,
  ConfigMap,
  Event,
  LABEL_CLUSTER_NAME,
  LABEL_CLUSTER_SET,
  Lease,
  ManagedCluster,
  ManifestWork,
  Namespace,
  Secret,
  SIGNER_KUBE_APISERVER_CLIENT,
} from "@ai-edge/api";
import { type Client, createClient } from "@ai-edge/client";
import { type TemporaryDirectory, type TestApiServer, temporaryDirectory } from "@ai-edge/testing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type RunningKlusterlet,
  type TestHub,
  clusterConditions,
  runKlusterlet,
  startEdge,
  startHub,
  tokenFor,
  eventually,
} from "../../testdata/clusters.ts";
import { parseJoinToken } from "../join-token.ts";
import { createCertificateRequest } from "../pki/certificate-request.ts";
import { JoinRefusedError } from "./certificate.ts";

const AVAILABLE = {
  HubAcceptedManagedCluster: "True",
  ManagedClusterJoined: "True",
  ManagedClusterConditionAvailable: "True",
};

let hub: TestHub;
let edge: TestApiServer;
let directory: TemporaryDirectory;
const running: RunningKlusterlet[] = [];
let count = 0;
let name = "";

beforeAll(async () => {
  [hub, edge] = await Promise.all([
    startHub({ clusterSet: "poc-near-edge", leaseDurationSeconds: 1 }),
    startEdge(),
  ]);
});
afterAll(async () => {
  await Promise.all([hub?.close(), edge?.close()]);
});
beforeEach(async () => {
  directory = await temporaryDirectory("ai-edge-klusterlet-");
  name = `edge-${(count += 1)}`;
});
afterEach(async () => {
  for (const agents of running.splice(0)) await agents.stop();
  await directory.remove();
});

async function start(options: Partial<Parameters<typeof runKlusterlet>[1]> = {}): Promise<RunningKlusterlet> {
  const agents = await runKlusterlet(edge, { dataDir: directory.path, ...options });
  running.push(agents);
  return agents;
}

async function stop(agents: RunningKlusterlet): Promise<void> {
  running.splice(running.indexOf(agents), 1);
  await agents.stop();
}

async function refusal(options: Partial<Parameters<typeof runKlusterlet>[1]>): Promise<JoinRefusedError> {
  try {
    await start(options);
  } catch (error) {
    if (error instanceof JoinRefusedError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("join", () => {
  it("turns a token into an accepted, joined and available cluster", async () => {
    const begin = performance.now();
    const agents = await start({ joinToken: await tokenFor(hub, name) });
    await eventually(() => clusterConditions(hub, name), { interval: 5 }).toMatchObject(AVAILABLE);
    const seconds = (performance.now() - begin) / 1000;
    expect(seconds).toBeLessThan(5);
    expect(agents.cluster).toBe(name);
    const cluster = await hub.client.get(ManagedCluster, { name });
    expect(cluster).toMatchObject({
      metadata: { labels: { [LABEL_CLUSTER_SET]: "poc-near-edge" } },
      spec: {
        hubAcceptsClient: true,
        leaseDurationSeconds: 1,
        managedClusterClientConfigs: [{ url: edge.url }],
      },
    });
    await eventually(async () => (await hub.client.get(ManagedCluster, { name })).spec?.taints ?? []).toEqual(
      [],
    );
    await eventually(
      async () => (await hub.client.get(ManagedCluster, { name })).status?.version?.kubernetes,
    ).toMatch(/^v1\./);
    expect((await hub.client.get(Namespace, { name })).metadata.labels?.[LABEL_CLUSTER_NAME]).toBe(name);
    const { mode } = await stat(join(directory.path, "pki", "hub-kubeconfig"));
    expect((mode & 0o777).toString(8)).toBe("600");
  });

  it("gives the agent its own namespace and nothing of others", async () => {
    const agents = await start({ joinToken: await tokenFor(hub, name) });
    await eventually(() => clusterConditions(hub, name)).toMatchObject(AVAILABLE);
    const { hubClient } = agents;
    await hub.client.create(Namespace, { metadata: { name: `other-${name}` } });
    await hub.client.create(ManifestWork, { metadata: { namespace: `other-${name}`, name: "w" }, spec: {} });
    expect((await hubClient.list(ManifestWork, { namespace: name })).items).toEqual([]);
    const forbidden = { reason: "Forbidden", code: 403 };
    await expect(hubClient.list(ManifestWork, { namespace: `other-${name}` })).rejects.toMatchObject(
      forbidden,
    );
    await expect(
      hubClient.get(ManifestWork, { namespace: `other-${name}`, name: "w" }),
    ).rejects.toMatchObject(forbidden);
    await expect(hubClient.list(ManifestWork)).rejects.toMatchObject(forbidden);
    await expect(hubClient.get(ManagedCluster, { name: "another" })).rejects.toMatchObject(forbidden);
    await expect(hubClient.list(ManagedCluster)).rejects.toMatchObject(forbidden);
    const own = await hubClient.list(ManagedCluster, { fieldSelector: `metadata.name=${name}` });
    expect(own.items.map(({ metadata }) => metadata.name)).toEqual([name]);
    await expect(
      hubClient.list(ManagedCluster, { fieldSelector: "metadata.name=another" }),
    ).rejects.toMatchObject(forbidden);
    await expect(
      hubClient.list(ManagedCluster, { fieldSelector: `metadata.name!=${name}` }),
    ).rejects.toMatchObject(forbidden);
    await expect(hubClient.list(Secret, { namespace: name })).rejects.toMatchObject(forbidden);
    const accept = { type: "merge" as const, body: { spec: { taints: [] } } };
    await expect(hubClient.patch(ManagedCluster, { name }, accept)).rejects.toMatchObject(forbidden);
  });

  it("refuses a token that was used, with the reason on both sides", async () => {
    const joinToken = await tokenFor(hub, name);
    await stop(await start({ joinToken }));
    const second = await temporaryDirectory("ai-edge-klusterlet-");
    try {
      const error = await refusal({ joinToken, dataDir: second.path });
      expect(error.reason).toBe("JoinTokenUsed");
      expect(error.message).toMatch(
        new RegExp(
          `^the hub refuses the join: the join token was used already, at .*ai-edge token create ${name}$`,
        ),
      );
      await expectDenied("JoinTokenUsed");
    } finally {
      await second.remove();
    }
  });

  it("refuses a token of another cluster, with the reason on both sides", async () => {
    const error = await refusal({ joinToken: await tokenFor(hub, name), clusterName: `${name}-b` });
    expect(error.reason).toBe("JoinTokenOfAnotherCluster");
    expect(error.message).toContain(
      `the join token is for the cluster "${name}", the request for "${name}-b"`,
    );
    await expectDenied("JoinTokenOfAnotherCluster", `${name}-b`);
    expect(await clusterConditions(hub, `${name}-b`)).toBeUndefined();
  });

  it("refuses an expired token, with the reason on both sides", async () => {
    const joinToken = await tokenFor(hub, name, { ttl: -1 });
    const error = await refusal({ joinToken });
    expect(error.reason).toBe("JoinTokenExpired");
    expect(error.message).toMatch(/it expired at .*; make a new one at the core: ai-edge token create/);
    await eventually(async () =>
      (await hub.client.list(Event, { namespace: "kube-system" })).items.map(({ reason, message }) => [
        reason,
        message,
      ]),
    ).toContainEqual([
      "JoinTokenExpired",
      expect.stringContaining(`the join token of the cluster ${name} expired`),
    ]);
  });

  it("refuses a revoked token and one of an impostor, in one line", async () => {
    const joinToken = await tokenFor(hub, name);
    for (const { metadata } of (
      await hub.client.list(Secret, {
        namespace: "kube-system",
        labelSelector: `${LABEL_CLUSTER_NAME}=${name}`,
      })
    ).items) {
      await hub.client.delete(Secret, { namespace: "kube-system", name: metadata.name });
    }
    expect(await refusal({ joinToken })).toMatchObject({
      reason: "JoinTokenUnknown",
      message: expect.stringContaining("revoked"),
    });
    const other = await tokenFor(hub, name, { caCertificate: edge.caCertificate });
    expect(await refusal({ joinToken: other })).toMatchObject({ reason: "HubNotTrusted" });
    expect(await refusal({})).toMatchObject({
      reason: "NoCredentials",
      message: expect.stringContaining("ai-edge token create"),
    });
  });

  async function expectDenied(reason: string, cluster = name): Promise<void> {
    const { items } = await hub.client.list(CertificateSigningRequest, {
      labelSelector: `${LABEL_CLUSTER_NAME}=${cluster}`,
    });
    expect(items.flatMap(({ status }) => status?.conditions ?? [])).toContainEqual(
      expect.objectContaining({ type: "Denied", reason }),
    );
    await eventually(async () =>
      (await hub.client.list(Event, { namespace: "default" })).items.map((event) => event.reason),
    ).toContain(reason);
  }
});

describe("heartbeat", () => {
  it("turns a stopped edge Unknown and tainted, and back when it returns", async () => {
    const agents = await start({ joinToken: await tokenFor(hub, name) });
    await eventually(() => clusterConditions(hub, name)).toMatchObject(AVAILABLE);
    const lease = async (): Promise<string | undefined> =>
      (await hub.client.get(Lease, { namespace: name, name: "managed-cluster-lease" })).spec?.renewTime;
    const first = await lease();
    await eventually(lease).not.toBe(first);
    await stop(agents);
    await eventually(() => hub.client.get(ManagedCluster, { name })).toMatchObject({
      spec: {
        taints: [
          {
            key: "cluster.open-cluster-management.io/unreachable",
            effect: "NoSelect",
            timeAdded: expect.stringMatching(/Z$/),
          },
        ],
      },
      status: {
        conditions: expect.arrayContaining([
          expect.objectContaining({ status: "Unknown", reason: "ManagedClusterLeaseUpdateStopped" }),
        ]),
      },
    });
    // No token this time: the stored credentials do.
    await start();
    await eventually(() => clusterConditions(hub, name)).toMatchObject(AVAILABLE);
    await eventually(async () => (await hub.client.get(ManagedCluster, { name })).spec?.taints ?? []).toEqual(
      [],
    );
  }, 30_000);
});

describe("certificate requests", () => {
  const agentOf = (cluster: string): { commonName: string; organizations: string[] } => ({
    commonName: `system:open-cluster-management:${cluster}:klusterlet`,
    organizations: [
      `system:open-cluster-management:${cluster}`,
      "system:open-cluster-management:managed-clusters",
    ],
  });

  /** Requests a certificate with any subject and label, and says what the hub decided. */
  async function request(
    client: Client,
    label: string,
    subject: { commonName: string; organizations: string[] },
  ): Promise<string | undefined> {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const metadata = { name: generateName("test-", Math.random), labels: { [LABEL_CLUSTER_NAME]: label } };
    const pem = Buffer.from(createCertificateRequest(subject, privateKey)).toString("base64");
    const spec = {
      request: pem,
      signerName: SIGNER_KUBE_APISERVER_CLIENT,
      usages: ["digital signature", "client auth"],
    };
    await client.create(CertificateSigningRequest, { metadata, spec });
    // A request that may be decided and is made later is decided later: then this one was looked at.
    const probe = await temporaryDirectory("ai-edge-klusterlet-");
    const joined = await runKlusterlet(edge, {
      dataDir: probe.path,
      joinToken: await tokenFor(hub, `probe-${name}`),
    });
    await joined.stop();
    await probe.remove();
    const { status } = await hub.client.get(CertificateSigningRequest, { name: metadata.name });
    return status?.conditions?.map(({ type, reason }) => `${type} ${reason}`).join();
  }

  it("of a cluster's certificate are approved for itself only", async () => {
    const { hubClient } = await start({ joinToken: await tokenFor(hub, name) });
    await eventually(() => clusterConditions(hub, name)).toMatchObject(AVAILABLE);
    expect(await request(hubClient, name, agentOf(name))).toBe(
      "Approved AutoApprovedByHubCSRApprovingController",
    );
    expect(await request(hubClient, "another", agentOf("another"))).toBeUndefined();
    expect(await request(hubClient, name, agentOf("another"))).toBeUndefined();
    expect(
      await request(hubClient, name, { commonName: "admin", organizations: ["admins"] }),
    ).toBeUndefined();
  });

  it("of a join token are denied for anything but its cluster", async () => {
    const { bootstrapToken, server, caCertificate } = parseJoinToken(await tokenFor(hub, name));
    const client = createClient({
      server,
      certificateAuthority: caCertificate,
      credentials: () => ({ token: bootstrapToken }),
    });
    expect(await request(client, name, { commonName: "admin", organizations: ["admins"] })).toBe(
      "Denied InvalidRequest",
    );
    expect(
      await request(client, name, {
        ...agentOf(name),
        organizations: [...agentOf(name).organizations, "admins"],
      }),
    ).toBe("Denied InvalidRequest");
    expect(await request(client, "another", agentOf("another"))).toBe("Denied JoinTokenOfAnotherCluster");
    await expect(client.list(Secret, { namespace: "kube-system" })).rejects.toMatchObject({ code: 403 });
    await expect(client.create(ManagedCluster, { metadata: { name: "another" } })).rejects.toMatchObject({
      code: 403,
    });
    client.close();
  });
});

describe("certificate", () => {
  it("is renewed in time, with the old one as the proof", async () => {
    const joinToken = await tokenFor(hub, name);
    await stop(await start({ joinToken }));
    // The agent's clock says that three quarters of the lifetime and some more have passed.
    const { status } =
      (await hub.client.list(CertificateSigningRequest, { labelSelector: `${LABEL_CLUSTER_NAME}=${name}` }))
        .items[0] ?? {};
    const certificate = new X509Certificate(Buffer.from(status?.certificate ?? "", "base64"));
    const from = certificate.validFromDate.getTime();
    const shift = from + (certificate.validToDate.getTime() - from) * 0.85 - Date.now();
    await start({ joinToken, now: () => new Date(Date.now() + shift) });
    await eventually(
      async () =>
        (
          await hub.client.list(CertificateSigningRequest, {
            labelSelector: `${LABEL_CLUSTER_NAME}=${name}`,
          })
        ).items,
    ).toContainEqual(
      expect.objectContaining({
        spec: expect.objectContaining({ username: `system:open-cluster-management:${name}:klusterlet` }),
        status: expect.objectContaining({ certificate: expect.any(String) }),
      }),
    );
    await eventually(() => clusterConditions(hub, name)).toMatchObject({
      ...AVAILABLE,
      ClusterCertificateRotated: "True",
    });
  }, 30_000);
});

describe("removal", () => {
  it("removes works first, then rights, namespace and the cluster itself", async () => {
    const agents = await start({ joinToken: await tokenFor(hub, name) });
    const manifests = [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: `of-${name}` } },
    ];
    await eventually(() => clusterConditions(hub, name)).toMatchObject(AVAILABLE);
    await hub.client.create(ManifestWork, {
      metadata: { namespace: name, name: "w" },
      spec: { workload: { manifests } },
    });
    await eventually(async () =>
      (await edge.client.list(ConfigMap, { namespace: "default" })).items.map(
        ({ metadata }) => metadata.name,
      ),
    ).toContain(`of-${name}`);
    await hub.client.delete(ManagedCluster, { name });
    await eventually(() => clusterConditions(hub, name)).toBeUndefined();
    expect(
      (await edge.client.list(ConfigMap, { namespace: "default" })).items.map(
        ({ metadata }) => metadata.name,
      ),
    ).not.toContain(`of-${name}`);
    await eventually(() => agents.connection()).toMatchObject({
      state: "refused",
      message: expect.stringContaining("removed or denied there"),
    });
  }, 30_000);
});
