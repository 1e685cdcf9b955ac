import type { ApplicationSet } from "@ai-edge/api";

export const NAMESPACE = "openshift-gitops";
export const REPOSITORY = "https://github.com/opendatahub-io/ai-edge.git";

/** One Application for each site that the Placement `sites` decides for. */
export const SET: Omit<ApplicationSet, "apiVersion" | "kind"> = {
  metadata: { name: "bike", namespace: NAMESPACE },
  spec: {
    generators: [
      {
        clusterDecisionResource: {
          configMapRef: "acm-placement",
          labelSelector: { matchLabels: { "cluster.open-cluster-management.io/placement": "sites" } },
          requeueAfterSeconds: 30,
        },
      },
    ],
    template: {
      metadata: {
        name: "{{name}}-bike",
        labels: { "apps.open-cluster-management.io/pull-to-ocm-managed-cluster": "true" },
        annotations: {
          "argocd.argoproj.io/skip-reconcile": "true",
          "apps.open-cluster-management.io/ocm-managed-cluster": "{{name}}",
          "apps.open-cluster-management.io/ocm-managed-cluster-app-namespace": NAMESPACE,
        },
      },
      spec: {
        project: "default",
        source: { repoURL: REPOSITORY, targetRevision: "main", path: "apps/bike" },
        destination: { server: "https://kubernetes.default.svc", namespace: "bike" },
        syncPolicy: { automated: { prune: true }, syncOptions: ["CreateNamespace=true"] },
      },
    },
  },
};
