/**
 * Gives each accepted cluster what its agents need to fetch from the core: a ServiceAccount token at the hub, sent to
 * the site as the repo-creds of Argo CD and as the node's image pull secret.
 */
import { isConditionTrue, isStatus } from "@ai-edge/apimachinery";
import {
  ANNOTATION_SERVICE_ACCOUNT_NAME,
  ARGOCD_NAMESPACE,
  LABEL_ARGOCD_SECRET_TYPE,
  LABEL_CLUSTER_NAME,
  ManagedCluster,
  ManifestWork,
  SECRET_TYPE_DOCKER_CONFIG_JSON,
  SECRET_TYPE_SERVICE_ACCOUNT_TOKEN,
  Secret,
  ServiceAccount,
  type WorkResourceIdentifier,
} from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { type Manager, type Result, mergeDiff } from "@ai-edge/runtime";
import { CONDITION_HUB_ACCEPTED } from "../names.ts";
import { FIELD_MANAGER } from "./rbac.ts";

export interface SiteCredentialsOptions {
  /** Prefix of the Git URLs that the credentials are for, for example `http://127.0.0.1:3000`. */
  forgeUrl?: string | undefined;
  /** `host:port` of the registry, as in image references. */
  registryHost?: string | undefined;
  /** Base URL of the core's metrics API, which the site writes to. */
  metricsUrl?: string | undefined;
}

const SERVICE_ACCOUNT = "edge";
const TOKEN_SECRET = "edge-token";
const WORK_NAME = "aiedge-site-credentials";
/** The secret that the node agent uses for every pull. */
const PULL_SECRET = "aiedge-registry";
/** The secret that the telemetry agent writes metrics with. */
const METRICS_SECRET = "aiedge-metrics";
/** The token controller fills the Secret at once; it has no event for us because the cluster's secrets are not watched. */
const TOKEN_POLL_MS = 250;

/** Runs the controller; it needs no right to read Secrets outside the clusters' namespaces. */
export function addSiteCredentialsController(manager: Manager, options: SiteCredentialsOptions): void {
  const { client } = manager;
  const informer = manager.informer(ManagedCluster);
  const applyOptions = { fieldManager: FIELD_MANAGER, force: true };
  manager.addController({
    name: "site-credentials",
    for: ManagedCluster,
    reconcile: async (key): Promise<Result | void> => {
      const cluster = informer.store.get(key);
      if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) return;
      // Set once the namespace and the rights are there.
      if (!isConditionTrue(cluster.status?.conditions, CONDITION_HUB_ACCEPTED)) return;
      const token = await tokenOf(key.name);
      if (token === undefined) return { requeueAfter: TOKEN_POLL_MS };
      await deliver(key.name, token);
    },
  });

  async function tokenOf(cluster: string): Promise<string | undefined> {
    const existing = await find(cluster);
    if (existing === undefined) {
      const labels = { [LABEL_CLUSTER_NAME]: cluster };
      await client.apply(
        ServiceAccount,
        { metadata: { namespace: cluster, name: SERVICE_ACCOUNT, labels } },
        applyOptions,
      );
      const annotations = { [ANNOTATION_SERVICE_ACCOUNT_NAME]: SERVICE_ACCOUNT };
      const metadata = { namespace: cluster, name: TOKEN_SECRET, labels, annotations };
      await client.apply(Secret, { metadata, type: SECRET_TYPE_SERVICE_ACCOUNT_TOKEN }, applyOptions);
    }
    const token = (existing ?? (await find(cluster)))?.data?.["token"];
    return token === undefined ? undefined : Buffer.from(token, "base64").toString("utf8");
  }

  async function find(namespace: string): Promise<Secret | undefined> {
    try {
      return await client.get(Secret, { namespace, name: TOKEN_SECRET });
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async function deliver(cluster: string, token: string): Promise<void> {
    const work = siteCredentialsWork(cluster, token, options);
    const key = { namespace: cluster, name: WORK_NAME };
    try {
      const existing = await client.get(ManifestWork, key);
      if (mergeDiff(existing.spec.workload, work.spec.workload) === undefined) return;
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
    await client.apply(ManifestWork, work, applyOptions);
  }
}

/** The work that carries a site's credentials. */
function siteCredentialsWork(cluster: string, token: string, options: SiteCredentialsOptions): ManifestWork {
  const { forgeUrl, registryHost, metricsUrl } = options;
  const namespace: WorkResourceIdentifier = { resource: "namespaces", name: ARGOCD_NAMESPACE };
  return {
    apiVersion: "work.open-cluster-management.io/v1",
    kind: "ManifestWork",
    metadata: { namespace: cluster, name: WORK_NAME },
    spec: {
      workload: {
        manifests: [
          ...(forgeUrl === undefined ? [] : forgeManifests(cluster, token, forgeUrl)),
          ...(registryHost === undefined ? [] : [registryManifest(cluster, token, registryHost)]),
          ...(metricsUrl === undefined ? [] : [metricsManifest(token, metricsUrl)]),
        ],
      },
      // The namespace is not ours alone: it stays when the credentials go.
      deleteOption: {
        propagationPolicy: "SelectivelyOrphan",
        selectivelyOrphans: { orphaningRules: [namespace] },
      },
      manifestConfigs: [{ resourceIdentifier: namespace, updateStrategy: { type: "CreateOnly" } }],
    },
  };
}

/** What Argo CD logs in to the forge with. */
function forgeManifests(cluster: string, token: string, url: string): UnstructuredObject[] {
  const labels = { [LABEL_ARGOCD_SECRET_TYPE]: "repo-creds" };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: ARGOCD_NAMESPACE } },
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: ARGOCD_NAMESPACE, name: "aiedge-forge", labels },
      type: "Opaque",
      data: { type: base64("git"), url: base64(url), username: base64(cluster), password: base64(token) },
    },
  ];
}

/** What the node agent pulls images with. */
function registryManifest(cluster: string, token: string, host: string): UnstructuredObject {
  const login = { username: cluster, password: token, auth: base64(`${cluster}:${token}`) };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "kube-system", name: PULL_SECRET },
    type: SECRET_TYPE_DOCKER_CONFIG_JSON,
    data: { ".dockerconfigjson": base64(JSON.stringify({ auths: { [host]: login } })) },
  };
}

/** What the telemetry agent writes metrics with. */
function metricsManifest(token: string, url: string): UnstructuredObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "kube-system", name: METRICS_SECRET },
    type: "Opaque",
    data: { url: base64(url), token: base64(token) },
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
