import {
  type ClusterRole,
  ClusterRole as ClusterRoles,
  type ClusterRoleBinding,
  ClusterRoleBinding as Bindings,
  type PolicyRule,
} from "@ai-edge/api";
import { apiVersionOf } from "@ai-edge/apimachinery";
import { AUTHENTICATED, MASTERS, UNAUTHENTICATED } from "../authentication/user.ts";

const BOOTSTRAPPING = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const READ = ["get", "list", "watch"];
const WRITE = ["create", "delete", "deletecollection", "patch", "update"];
const AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-";

/** What `view` sees in a namespace: everything that holds no credentials. */
const VIEWABLE: readonly (readonly [string, readonly string[]])[] = [
  [
    "",
    [
      "configmaps",
      "endpoints",
      "persistentvolumeclaims",
      "persistentvolumeclaims/status",
      "pods",
      "replicationcontrollers",
      "replicationcontrollers/scale",
      "serviceaccounts",
      "services",
      "services/status",
      "bindings",
      "events",
      "limitranges",
      "namespaces/status",
      "pods/log",
      "pods/status",
      "replicationcontrollers/status",
      "resourcequotas",
      "resourcequotas/status",
      "namespaces",
    ],
  ],
  ["discovery.k8s.io", ["endpointslices"]],
  [
    "apps",
    [
      "controllerrevisions",
      "daemonsets",
      "daemonsets/status",
      "deployments",
      "deployments/scale",
      "deployments/status",
      "replicasets",
      "replicasets/scale",
      "replicasets/status",
      "statefulsets",
      "statefulsets/scale",
      "statefulsets/status",
    ],
  ],
  ["autoscaling", ["horizontalpodautoscalers", "horizontalpodautoscalers/status"]],
  ["batch", ["cronjobs", "cronjobs/status", "jobs", "jobs/status"]],
  ["policy", ["poddisruptionbudgets", "poddisruptionbudgets/status"]],
  ["networking.k8s.io", ["ingresses", "ingresses/status", "networkpolicies"]],
];

/** What `edit` may change in a namespace. */
const EDITABLE: readonly (readonly [string, readonly string[]])[] = [
  [
    "",
    [
      "configmaps",
      "endpoints",
      "persistentvolumeclaims",
      "pods",
      "pods/attach",
      "pods/exec",
      "pods/portforward",
      "pods/proxy",
      "replicationcontrollers",
      "replicationcontrollers/scale",
      "secrets",
      "serviceaccounts",
      "services",
      "services/proxy",
      "events",
    ],
  ],
  [
    "apps",
    [
      "daemonsets",
      "deployments",
      "deployments/rollback",
      "deployments/scale",
      "replicasets",
      "replicasets/scale",
      "statefulsets",
      "statefulsets/scale",
    ],
  ],
  ["autoscaling", ["horizontalpodautoscalers"]],
  ["batch", ["cronjobs", "jobs"]],
  ["policy", ["poddisruptionbudgets"]],
  ["networking.k8s.io", ["ingresses", "networkpolicies"]],
  ["coordination.k8s.io", ["leases"]],
];

const NON_RESOURCE = {
  verbs: ["get"],
  nonResourceURLs: ["/healthz", "/livez", "/readyz", "/version", "/version/"],
};

function rulesFor(
  table: readonly (readonly [string, readonly string[]])[],
  verbs: readonly string[],
): PolicyRule[] {
  return table.map(([group, resources]) => ({
    apiGroups: [group],
    resources: [...resources],
    verbs: [...verbs],
  }));
}

/** The ClusterRoles of every cluster (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), as far as we have what they speak of. */
export function defaultClusterRoles(): ClusterRole[] {
  return [
    role("cluster-admin", [
      { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      { nonResourceURLs: ["*"], verbs: ["*"] },
    ]),
    role("system:discovery", [
      {
        verbs: ["get"],
        nonResourceURLs: [
          "/api",
          "/api/*",
          "/apis",
          "/apis/*",
          "/healthz",
          "/livez",
          "/openapi",
          "/openapi/*",
          "/readyz",
          "/version",
          "/version/",
        ],
      },
    ]),
    role("system:basic-user", [
      {
        verbs: ["create"],
        apiGroups: ["authorization.k8s.io"],
        resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
      },
      { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"] },
    ]),
    role("system:public-info-viewer", [NON_RESOURCE]),
    role("system:auth-delegator", [
      { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"] },
      { verbs: ["create"], apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"] },
    ]),
    role("system:node-bootstrapper", [
      {
        verbs: ["create", "get", "list", "watch"],
        apiGroups: ["certificates.k8s.io"],
        resources: ["certificatesigningrequests"],
      },
    ]),
    aggregated("view", "view", { [`${AGGREGATE}edit`]: "true" }),
    aggregated("edit", "edit", { [`${AGGREGATE}admin`]: "true" }),
    aggregated("admin", "admin", {}),
    role("system:aggregate-to-view", rulesFor(VIEWABLE, READ), aggregateTo("view")),
    role(
      "system:aggregate-to-edit",
      [
        ...rulesFor(EDITABLE, WRITE),
        { apiGroups: [""], resources: ["secrets"], verbs: READ },
        { apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"] },
        { apiGroups: [""], resources: ["serviceaccounts/token", "pods/eviction"], verbs: ["create"] },
        ...rulesFor([["coordination.k8s.io", ["leases"]]], READ),
      ],
      aggregateTo("edit"),
    ),
    role(
      "system:aggregate-to-admin",
      [
        { apiGroups: ["authorization.k8s.io"], resources: ["localsubjectaccessreviews"], verbs: ["create"] },
        {
          apiGroups: ["rbac.authorization.k8s.io"],
          resources: ["rolebindings", "roles"],
          verbs: [...READ, ...WRITE],
        },
      ],
      aggregateTo("admin"),
    ),
  ];
}

/** The ClusterRoleBindings of every cluster. */
export function defaultClusterRoleBindings(): ClusterRoleBinding[] {
  return [
    binding("cluster-admin", [MASTERS]),
    binding("system:discovery", [AUTHENTICATED]),
    binding("system:basic-user", [AUTHENTICATED]),
    binding("system:public-info-viewer", [AUTHENTICATED, UNAUTHENTICATED]),
  ];
}

/** `admin` gets what is labelled for edit and view too: their roles carry the label of the next one. */
function aggregated(name: string, label: string, labels: Record<string, string>): ClusterRole {
  const names =
    label === "admin" ? ["admin", "edit", "view"] : label === "edit" ? ["edit", "view"] : ["view"];
  const clusterRoleSelectors = names.map((one) => ({ matchLabels: { [`${AGGREGATE}${one}`]: "true" } }));
  return {
    ...role(name, []),
    metadata: { name, labels: { ...BOOTSTRAPPING, ...labels } },
    aggregationRule: { clusterRoleSelectors },
  };
}

function aggregateTo(name: string): Record<string, string> {
  return { [`${AGGREGATE}${name}`]: "true" };
}

function role(name: string, rules: PolicyRule[], labels: Record<string, string> = {}): ClusterRole {
  return {
    apiVersion: apiVersionOf(ClusterRoles),
    kind: ClusterRoles.kind,
    metadata: { name, labels: { ...BOOTSTRAPPING, ...labels } },
    rules,
  };
}

function binding(name: string, groups: readonly string[]): ClusterRoleBinding {
  const apiGroup = "rbac.authorization.k8s.io";
  return {
    apiVersion: apiVersionOf(Bindings),
    kind: Bindings.kind,
    metadata: { name, labels: { ...BOOTSTRAPPING } },
    roleRef: { apiGroup, kind: "ClusterRole", name },
    subjects: groups.map((group) => ({ kind: "Group" as const, apiGroup, name: group })),
  };
}
