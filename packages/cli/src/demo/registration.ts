import { rm } from "node:fs/promises";
import { join } from "node:path";

import { findCondition, type UnstructuredObject } from "@ai-edge/apimachinery";
import {
  Application,
  ARGOCD_NAMESPACE,
  DEFAULT_CLUSTER_SET,
  LABEL_CLUSTER_SET,
  ManagedCluster,
  ManifestWork,
  PlacementDecision,
} from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { build, diskFileSystem } from "@ai-edge/kustomize";

import type { ContentCredentials } from "../core/content-credentials.ts";
import type { Endpoints } from "../topology/endpoints.ts";
import { runGit } from "./git.ts";
import { waitForObject } from "../watching/wait-for-object.ts";

/** An edge joins in a second or two; a machine under load gets a minute. */
const JOIN_TIMEOUT_MS = 60_000;
const DELIVERY_TIMEOUT_MS = 120_000;

interface Step {
  signal: AbortSignal;
  note: (text: string) => void;
}

/** Hop 1: every edge is accepted, joined and available at the hub, and in the cluster set. */
export async function waitForClusters(core: Client, names: readonly string[], step: Step): Promise<void> {
  for (const name of names) {
    step.note(name);
    const held = (cluster: ManagedCluster, type: string) =>
      findCondition(cluster.status?.conditions, type)?.status === "True";
    await waitForObject(
      core,
      ManagedCluster,
      { name },
      (cluster) =>
        held(cluster, "HubAcceptedManagedCluster") &&
        held(cluster, "ManagedClusterJoined") &&
        held(cluster, "ManagedClusterConditionAvailable") &&
        cluster.metadata.labels?.[LABEL_CLUSTER_SET] === DEFAULT_CLUSTER_SET,
      {
        timeoutMs: JOIN_TIMEOUT_MS,
        signal: step.signal,
        goal: "to be available",
        describe: (cluster) => JSON.stringify(cluster.status?.conditions ?? []),
      },
    );
  }
  step.note(names.join(", "));
}

/** Hop 4: applies the `registration` of the gitops repository to the core, as `kubectl apply -k` would. */
export async function applyRegistration(
  core: Client,
  endpoints: Endpoints,
  options: { credentials: ContentCredentials; workDir: string; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<number> {
  const checkout = join(options.workDir, "gitops");
  await rm(checkout, { recursive: true, force: true });
  await runGit(["clone", "--quiet", "--depth=1", `${endpoints.core.forge}/ai-edge/gitops.git`, checkout], {
    cwd: options.workDir,
    credentials: options.credentials,
    env: options.env,
    signal: options.signal,
  });
  const { resources } = build(diskFileSystem(), join(checkout, "registration"));
  for (const resource of resources) {
    if (!isObject(resource))
      throw new Error("the registration renders something that is no Kubernetes object");
    const type = await core.resourceFor(resource.apiVersion, resource.kind);
    await core.apply(type, resource, { fieldManager: "ai-edge-demo", force: true });
  }
  return resources.length;
}

function isObject(value: unknown): value is UnstructuredObject {
  return (
    typeof value === "object" &&
    value !== null &&
    "apiVersion" in value &&
    "kind" in value &&
    "metadata" in value
  );
}

/** Hop 4, seen: the placement's decision names every edge. */
export async function waitForDecision(core: Client, names: readonly string[], step: Step): Promise<void> {
  await waitForObject(
    core,
    PlacementDecision,
    { namespace: ARGOCD_NAMESPACE, name: "near-edge-clusters-decision-1" },
    (decision) =>
      names.every(
        (name) => decision.status?.decisions.some(({ clusterName }) => clusterName === name) === true,
      ),
    {
      timeoutMs: DELIVERY_TIMEOUT_MS,
      signal: step.signal,
      goal: "to name every edge",
      describe: (decision) => JSON.stringify(decision.status ?? {}),
    },
  );
  step.note(names.join(", "));
}

/** Hops 5 and 6: per edge and app an Application at the hub, and its ManifestWork applied at the site. */
export async function waitForApplications(
  core: Client,
  apps: readonly string[],
  edges: readonly string[],
  step: Step,
): Promise<Application[]> {
  const applications: Application[] = [];
  for (const edge of edges) {
    for (const app of apps) {
      const name = `${edge}-${app}`;
      step.note(name);
      const key = { namespace: ARGOCD_NAMESPACE, name };
      applications.push(
        await waitForObject(core, Application, key, () => true, {
          timeoutMs: DELIVERY_TIMEOUT_MS,
          signal: step.signal,
          goal: "to exist",
        }),
      );
    }
  }
  step.note(`${applications.length} Applications`);
  return applications;
}

/** Hop 6: the ManifestWork of every Application is applied at its site. */
export async function waitForWorks(
  core: Client,
  applications: readonly Application[],
  edgeOf: (application: Application) => string,
  step: Step,
): Promise<void> {
  for (const application of applications) {
    const { name, uid = "" } = application.metadata;
    step.note(name);
    await waitForObject(
      core,
      ManifestWork,
      { namespace: edgeOf(application), name: `${name}-${uid.slice(0, 5)}` },
      (work) => findCondition(work.status?.conditions, "Applied")?.status === "True",
      {
        timeoutMs: DELIVERY_TIMEOUT_MS,
        signal: step.signal,
        goal: "to be applied at its site",
        describe: (work) => JSON.stringify(work.status?.conditions ?? []),
      },
    );
  }
  step.note(`${applications.length} ManifestWorks`);
}

/** Hop 7: the hub's copy of every Application says Synced and Healthy, at this revision if one is given. */
export async function waitForHealthy(
  core: Client,
  names: readonly string[],
  revision: string | undefined,
  step: Step,
): Promise<void> {
  for (const name of names) {
    step.note(name);
    await waitForObject(
      core,
      Application,
      { namespace: ARGOCD_NAMESPACE, name },
      ({ status }) =>
        status?.sync?.status === "Synced" &&
        status.health?.status === "Healthy" &&
        (revision === undefined || status.sync.revision === revision),
      {
        timeoutMs: DELIVERY_TIMEOUT_MS,
        signal: step.signal,
        goal: `to be Synced and Healthy${revision === undefined ? "" : ` at ${revision.slice(0, 12)}`}`,
        describe: describeApplication,
      },
    );
  }
  step.note(`${names.length} Applications Synced and Healthy`);
}

/** What a person would look at first when an Application is not what it should be. */
function describeApplication({ status }: Application): string {
  const conditions = (status?.conditions ?? []).map(({ type, message }) => `${type}: ${message}`);
  const state = `sync ${status?.sync?.status ?? "none"} at ${status?.sync?.revision ?? "no revision"}`;
  const health = `health ${status?.health?.status ?? "none"} ${status?.health?.message ?? ""}`;
  return [state, health, ...conditions].join(", ");
}
