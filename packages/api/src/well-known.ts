/** Names, labels and annotations of upstream that more than one package uses, verbatim. */
export const ARGOCD_NAMESPACE = "openshift-gitops";
export const PIPELINES_NAMESPACE = "openshift-pipelines";
/** The namespace of the demo's pipeline runs and of the smoke-tested candidates on the core. */
export const DEFAULT_CLUSTER_SET = "poc-near-edge";

export const LABEL_CLUSTER_SET = "cluster.open-cluster-management.io/clusterset";
export const LABEL_PLACEMENT = "cluster.open-cluster-management.io/placement";
export const LABEL_CLUSTER_NAME = "open-cluster-management.io/cluster-name";
export const LABEL_PULL_TO_MANAGED_CLUSTER = "apps.open-cluster-management.io/pull-to-ocm-managed-cluster";
export const ANNOTATION_OCM_MANAGED_CLUSTER = "apps.open-cluster-management.io/ocm-managed-cluster";
export const ANNOTATION_OCM_MANAGED_CLUSTER_APP_NAMESPACE =
  "apps.open-cluster-management.io/ocm-managed-cluster-app-namespace";

export const ANNOTATION_SKIP_RECONCILE = "argocd.argoproj.io/skip-reconcile";
export const ANNOTATION_REFRESH = "argocd.argoproj.io/refresh";
export const ANNOTATION_TRACKING_ID = "argocd.argoproj.io/tracking-id";
export const LABEL_ARGOCD_SECRET_TYPE = "argocd.argoproj.io/secret-type";
export const LABEL_ARGOCD_MANAGED_BY = "argocd.argoproj.io/managed-by";

/** Our own: the plain URL at which a Route of an embedded cluster answers, set by the node agent. */
export const ANNOTATION_ROUTE_URL = "aiedge.dev/url";
/** Our own image label: "process" says that the image keeps the process runtime's contract (docs/runtimes.md). */
export const LABEL_IMAGE_RUNTIME = "aiedge.dev/runtime";
