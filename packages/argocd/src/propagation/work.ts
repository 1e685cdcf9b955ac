import {
  ANNOTATION_OCM_MANAGED_CLUSTER,
  ANNOTATION_OCM_MANAGED_CLUSTER_APP_NAMESPACE,
  ANNOTATION_SKIP_RECONCILE,
  type Application,
  Application as ApplicationType,
  LABEL_PULL_TO_MANAGED_CLUSTER,
  type ManifestWork,
} from "@ai-edge/api";
import { apiVersionOf, type ObjectKey, type UnstructuredObject } from "@ai-edge/apimachinery";
import { ANNOTATION_REFRESHED } from "../application/refresh.ts";

/** Upstream's (`multicloud-integrations`): which hub Application a work carries. */
export const ANNOTATION_HUB_NAMESPACE = "apps.open-cluster-management.io/hub-application-namespace";
export const ANNOTATION_HUB_NAME = "apps.open-cluster-management.io/hub-application-name";
/** Every key with this prefix steers the hub and means nothing at the site. */
const OCM_PREFIX = "apps.open-cluster-management.io/";
const LABEL_APPLICATION = "apps.open-cluster-management.io/application";
/** Where the Application goes when the annotation does not say: as on the hub. */
const FALLBACK_NAMESPACE = "argocd";
/** The hub as its own managed cluster: its Applications need not travel. */
const LOCAL_CLUSTER = "local-cluster";
const UID_PREFIX_LENGTH = 5;
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** What travels back from the site. Scalars only: that is all that every work agent can read. */
export const FEEDBACK_PATHS = [
  { name: "healthStatus", path: ".status.health.status" },
  { name: "healthMessage", path: ".status.health.message" },
  { name: "syncStatus", path: ".status.sync.status" },
  { name: "syncRevision", path: ".status.sync.revision" },
  { name: "operationStatePhase", path: ".status.operationState.phase" },
  { name: "operationStateMessage", path: ".status.operationState.message" },
  { name: "operationStateStartedAt", path: ".status.operationState.startedAt" },
  { name: "operationStateFinishedAt", path: ".status.operationState.finishedAt" },
  { name: "reconciledAt", path: ".status.reconciledAt" },
  { name: "conditionType", path: ".status.conditions[0].type" },
  { name: "conditionMessage", path: ".status.conditions[0].message" },
  { name: "refreshed", path: ".metadata.annotations['aiedge.dev/refreshed']" },
] as const;

/** Whether an Application is to be pulled by a managed cluster. */
export function isPulled({ metadata }: Application): boolean {
  const cluster = clusterOf({ metadata });
  return (
    isTrue(metadata.labels?.[LABEL_PULL_TO_MANAGED_CLUSTER]) && cluster !== "" && cluster !== LOCAL_CLUSTER
  );
}

/** The values that Go's `strconv.ParseBool` takes for true. */
function isTrue(text: string | undefined): boolean {
  return ["1", "t", "T", "true", "TRUE", "True"].includes(text ?? "");
}

/** The cluster that an Application goes to, "" for none. */
export function clusterOf({ metadata }: Pick<Application, "metadata">): string {
  return metadata.annotations?.[ANNOTATION_OCM_MANAGED_CLUSTER] ?? "";
}

/** The key of the ManifestWork that carries an Application: `<app>-<first 5 of its uid>` in the cluster's namespace. */
export function workKeyOf(app: Application): ObjectKey {
  return {
    namespace: clusterOf(app),
    name: `${app.metadata.name}-${(app.metadata.uid ?? "").slice(0, UID_PREFIX_LENGTH)}`,
  };
}

/** The ManifestWork that brings an Application to its cluster. */
export function buildWork(app: Application): Pick<ManifestWork, "metadata" | "spec"> {
  const site = siteApplication(app);
  const { namespace = FALLBACK_NAMESPACE, name } = site.metadata;
  const namespaceManifest: UnstructuredObject = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace },
  };
  return {
    metadata: {
      ...workKeyOf(app),
      labels: { [LABEL_APPLICATION]: "true" },
      annotations: {
        [ANNOTATION_HUB_NAMESPACE]: app.metadata.namespace ?? "",
        [ANNOTATION_HUB_NAME]: app.metadata.name,
      },
    },
    spec: {
      workload: { manifests: [namespaceManifest, site] },
      // The namespace is Argo CD's own at the site: it stays when the Application goes.
      deleteOption: {
        propagationPolicy: "SelectivelyOrphan",
        selectivelyOrphans: {
          orphaningRules: [{ group: "", resource: "namespaces", name: namespace, namespace: "" }],
        },
      },
      manifestConfigs: [
        {
          resourceIdentifier: {
            group: ApplicationType.group,
            resource: ApplicationType.plural,
            namespace,
            name,
          },
          feedbackRules: [{ type: "JSONPaths", jsonPaths: FEEDBACK_PATHS.map((path) => ({ ...path })) }],
          feedbackScrapeType: "Watch",
          updateStrategy: {
            type: "ServerSideApply",
            serverSideApply: {
              force: true,
              ignoreFields: [{ condition: "OnSpokeChange", jsonPointers: ["/operation"] }],
            },
          },
        },
      ],
    },
  };
}

/** The Application as it shall be at the site: for the local cluster, without what steers the hub. */
function siteApplication(app: Application): UnstructuredObject {
  const { metadata, spec, operation } = app;
  const annotations = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) =>
      !key.startsWith(OCM_PREFIX) &&
      key !== ANNOTATION_SKIP_RECONCILE &&
      key !== LAST_APPLIED &&
      key !== ANNOTATION_REFRESHED,
  );
  const labels = Object.entries(metadata.labels ?? {}).filter(([key]) => !key.startsWith(OCM_PREFIX));
  const { namespace } = spec.destination;
  return {
    apiVersion: apiVersionOf(ApplicationType),
    kind: ApplicationType.kind,
    metadata: {
      name: metadata.name,
      namespace:
        metadata.annotations?.[ANNOTATION_OCM_MANAGED_CLUSTER_APP_NAMESPACE] ??
        metadata.namespace ??
        FALLBACK_NAMESPACE,
      ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels) }),
      ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
      ...(metadata.finalizers === undefined ? {} : { finalizers: metadata.finalizers }),
    },
    spec: {
      ...spec,
      destination: {
        server: "https://kubernetes.default.svc",
        ...(namespace === undefined ? {} : { namespace }),
      },
    },
    ...(operation === undefined ? {} : { operation }),
  };
}
