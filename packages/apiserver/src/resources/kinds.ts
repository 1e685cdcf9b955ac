import * as api from "@ai-edge/api";
import { resourceType } from "@ai-edge/apimachinery";
import type { Authorizer } from "../authorization/authorizer.ts";
import { customResourceDefinitionStrategy } from "../crd/strategy.ts";
import { signingRequestStrategy } from "../certificates/signing-request.ts";
import { namespaceStrategy } from "../namespaces/strategy.ts";
import { serviceStrategy } from "../services/strategy.ts";
import { autoscalerConversion, autoscalerStrategy, autoscalerV1Strategy } from "../kinds/autoscaling.ts";
import { cronJobStrategy, jobStrategy } from "../kinds/batch.ts";
import { claimStrategy, configMapStrategy, secretStrategy } from "../kinds/config.ts";
import { eventConversion } from "../kinds/event.ts";
import { podStrategy } from "../kinds/pod.ts";
import { bindingStrategy, roleStrategy } from "../kinds/rbac.ts";
import {
  daemonSetStrategy,
  deploymentStrategy,
  replicaSetStrategy,
  statefulSetStrategy,
} from "../kinds/workloads.ts";
import * as cluster from "../printing/cluster.ts";
import { AGE, NAME } from "../printing/columns.ts";
import { POD_COLUMNS, POD_WIDE_COLUMNS } from "../printing/pod.ts";
import * as workloads from "../printing/workloads.ts";
import { builtIn } from "./built-in.ts";
import type { Resource, Subresource } from "./resource.ts";

const REPLICAS: Resource["scale"] = {
  specReplicas: ["spec", "replicas"],
  statusReplicas: ["status", "replicas"],
  selector: ["spec", "selector"],
};
const CREATE = ["create"] as const;
const EVENT_FIELDS = Object.fromEntries(
  [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ].map((field) => [field, field === "source" ? ["source", "component"] : field.split(".")]),
);

const POD_SUBRESOURCES: readonly Subresource[] = [
  { name: "log", kind: "Pod", verbs: ["get"] },
  { name: "binding", kind: "Binding", verbs: CREATE },
  { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: CREATE },
];

export interface BuiltInKindOptions {
  readonly serviceCIDR: string | undefined;
  readonly random: () => number;
  /** Says whether who writes a role may give its rules away. */
  readonly authorizer: Authorizer;
}

/** Every built-in resource, in the order of discovery. */
export function builtInResources(options: BuiltInKindOptions): Resource[] {
  return [
    ...coreResources(options),
    ...workloadResources(),
    ...securityResources(options),
    ...otherResources(),
  ];
}

function coreResources({ serviceCIDR, random }: BuiltInKindOptions): Resource[] {
  const all = ["all"];
  return [
    builtIn(api.ConfigMap, {
      columnsInFull: cluster.CONFIG_MAP_COLUMNS,
      shortNames: ["cm"],
      strategy: configMapStrategy,
    }),
    builtIn(api.Endpoints, {
      columnsInFull: cluster.ENDPOINTS_COLUMNS,
      shortNames: ["ep"],
      singular: "endpoints",
    }),
    builtIn(api.Event, {
      columnsInFull: workloads.EVENT_COLUMNS,
      shortNames: ["ev"],
      selectable: EVENT_FIELDS,
    }),
    builtIn(api.LimitRange, { shortNames: ["limits"] }),
    builtIn(api.Namespace, {
      columnsInFull: cluster.NAMESPACE_COLUMNS,
      shortNames: ["ns"],
      status: true,
      returnsDeleted: true,
      verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
      subresources: [{ name: "finalize", kind: "Namespace", verbs: ["update"] }],
      selectable: { "status.phase": ["status", "phase"] },
      strategy: namespaceStrategy,
    }),
    builtIn(api.Node, {
      columnsInFull: cluster.NODE_COLUMNS,
      shortNames: ["no"],
      status: true,
      selectable: { "spec.unschedulable": ["spec", "unschedulable"] },
    }),
    builtIn(api.PersistentVolume, { shortNames: ["pv"], status: true, returnsDeleted: true }),
    builtIn(api.PersistentVolumeClaim, {
      columnsInFull: cluster.CLAIM_COLUMNS,
      strategy: claimStrategy,
      shortNames: ["pvc"],
      status: true,
      returnsDeleted: true,
    }),
    builtIn(api.Pod, {
      columnsInFull: [NAME, ...POD_COLUMNS, AGE, ...POD_WIDE_COLUMNS],
      strategy: podStrategy,
      shortNames: ["po"],
      categories: all,
      status: true,
      generation: true,
      returnsDeleted: true,
      subresources: POD_SUBRESOURCES,
      selectable: {
        "spec.nodeName": ["spec", "nodeName"],
        "spec.restartPolicy": ["spec", "restartPolicy"],
        "spec.schedulerName": ["spec", "schedulerName"],
        "spec.serviceAccountName": ["spec", "serviceAccountName"],
        "spec.hostNetwork": ["spec", "hostNetwork"],
        "status.phase": ["status", "phase"],
        "status.podIP": ["status", "podIP"],
        "status.nominatedNodeName": ["status", "nominatedNodeName"],
      },
    }),
    builtIn(api.PodTemplate, {}),
    builtIn(api.ReplicationController, {
      shortNames: ["rc"],
      categories: all,
      status: true,
      generation: true,
      scale: REPLICAS,
    }),
    builtIn(api.ResourceQuota, { shortNames: ["quota"], status: true, returnsDeleted: true }),
    builtIn(api.Secret, {
      columnsInFull: cluster.SECRET_COLUMNS,
      strategy: secretStrategy,
      selectable: { type: ["type"] },
    }),
    builtIn(api.Service, {
      columnsInFull: cluster.SERVICE_COLUMNS,
      shortNames: ["svc"],
      categories: all,
      status: true,
      returnsDeleted: true,
      selectable: { "spec.clusterIP": ["spec", "clusterIP"], "spec.type": ["spec", "type"] },
      strategy: serviceStrategy(serviceCIDR, random),
    }),
    builtIn(api.ServiceAccount, {
      columnsInFull: cluster.SERVICE_ACCOUNT_COLUMNS,
      shortNames: ["sa"],
      returnsDeleted: true,
      subresources: [
        { name: "token", kind: "TokenRequest", group: "authentication.k8s.io", version: "v1", verbs: CREATE },
      ],
    }),
  ];
}

function workloadResources(): Resource[] {
  const common = { categories: ["all"], status: true, generation: true };
  const autoscaler = { shortNames: ["hpa"], categories: ["all"], status: true };
  return [
    builtIn(api.ControllerRevision, {}),
    builtIn(api.DaemonSet, {
      columnsInFull: workloads.DAEMON_SET_COLUMNS,
      ...common,
      strategy: daemonSetStrategy,
      shortNames: ["ds"],
    }),
    builtIn(api.Deployment, {
      columnsInFull: workloads.DEPLOYMENT_COLUMNS,
      ...common,
      strategy: deploymentStrategy,
      shortNames: ["deploy"],
      scale: REPLICAS,
    }),
    builtIn(api.ReplicaSet, {
      columnsInFull: workloads.REPLICA_SET_COLUMNS,
      ...common,
      strategy: replicaSetStrategy,
      shortNames: ["rs"],
      scale: REPLICAS,
    }),
    builtIn(api.StatefulSet, {
      columnsInFull: workloads.STATEFUL_SET_COLUMNS,
      ...common,
      strategy: statefulSetStrategy,
      shortNames: ["sts"],
      scale: REPLICAS,
    }),
    builtIn(api.HorizontalPodAutoscaler, { ...autoscaler, strategy: autoscalerStrategy }),
    // `kubectl autoscale` up to 1.32 knows only this one.
    builtIn(
      resourceType<api.HorizontalPodAutoscaler>(
        "autoscaling/v1",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        { namespaced: true },
      ),
      { ...autoscaler, strategy: autoscalerV1Strategy, convert: autoscalerConversion },
    ),
    builtIn(api.CronJob, {
      columnsInFull: workloads.CRON_JOB_COLUMNS,
      ...common,
      strategy: cronJobStrategy,
      shortNames: ["cj"],
    }),
    builtIn(api.Job, {
      columnsInFull: workloads.JOB_COLUMNS,
      ...common,
      strategy: jobStrategy,
      selectable: { "status.successful": ["status", "succeeded"] },
    }),
  ];
}

function securityResources({ authorizer }: BuiltInKindOptions): Resource[] {
  const ask = { verbs: CREATE };
  return [
    builtIn(api.TokenReview, ask),
    builtIn(api.SelfSubjectReview, ask),
    // kubectl 1.27 asks for `auth whoami` only here.
    builtIn(
      resourceType("authentication.k8s.io/v1beta1", "SelfSubjectReview", "selfsubjectreviews", {
        namespaced: false,
      }),
      ask,
    ),
    builtIn(api.LocalSubjectAccessReview, ask),
    builtIn(api.SelfSubjectAccessReview, ask),
    builtIn(api.SelfSubjectRulesReview, ask),
    builtIn(api.SubjectAccessReview, ask),
    builtIn(api.CertificateSigningRequest, {
      columnsInFull: cluster.SIGNING_REQUEST_COLUMNS,
      shortNames: ["csr"],
      status: true,
      selectable: { "spec.signerName": ["spec", "signerName"] },
      strategy: signingRequestStrategy,
      subresources: [
        { name: "approval", kind: "CertificateSigningRequest", verbs: ["get", "patch", "update"] },
      ],
    }),
    builtIn(api.ClusterRoleBinding, {
      columnsInFull: cluster.BINDING_COLUMNS,
      strategy: bindingStrategy(authorizer),
    }),
    builtIn(api.ClusterRole, { columnsInFull: cluster.ROLE_COLUMNS, strategy: roleStrategy(authorizer) }),
    builtIn(api.RoleBinding, {
      columnsInFull: cluster.BINDING_COLUMNS,
      strategy: bindingStrategy(authorizer),
    }),
    builtIn(api.Role, { columnsInFull: cluster.ROLE_COLUMNS, strategy: roleStrategy(authorizer) }),
  ];
}

function otherResources(): Resource[] {
  const networking = { status: true, generation: true };
  return [
    builtIn(api.CustomResourceDefinition, {
      columnsInFull: cluster.DEFINITION_COLUMNS,
      shortNames: ["crd", "crds"],
      categories: ["api-extensions"],
      status: true,
      generation: true,
      strategy: customResourceDefinitionStrategy,
    }),
    builtIn(api.Lease, { columnsInFull: workloads.LEASE_COLUMNS }),
    builtIn(api.EndpointSlice, { columnsInFull: cluster.ENDPOINT_SLICE_COLUMNS, generation: true }),
    builtIn(api.IngressClass, { generation: true }),
    builtIn(api.Ingress, { columnsInFull: cluster.INGRESS_COLUMNS, ...networking, shortNames: ["ing"] }),
    builtIn(api.NetworkPolicy, {
      columnsInFull: cluster.NETWORK_POLICY_COLUMNS,
      generation: true,
      shortNames: ["netpol"],
    }),
    builtIn(api.PodDisruptionBudget, {
      columnsInFull: cluster.DISRUPTION_BUDGET_COLUMNS,
      ...networking,
      shortNames: ["pdb"],
    }),
    builtIn(api.PriorityClass, {
      columnsInFull: cluster.PRIORITY_CLASS_COLUMNS,
      shortNames: ["pc"],
      generation: true,
    }),
    builtIn(api.StorageClass, { columnsInFull: cluster.STORAGE_CLASS_COLUMNS, shortNames: ["sc"] }),
    builtIn(resourceType("events.k8s.io/v1", "Event", "events", { namespaced: true }), {
      shortNames: ["ev"],
      storage: "events",
      convert: eventConversion,
      columnsInFull: workloads.EVENT_COLUMNS,
      selectable: EVENT_FIELDS,
    }),
  ];
}
