import * as api from "@ai-edge/api";
import { resourceType } from "@ai-edge/apimachinery";
import { customResourceDefinitionStrategy } from "../crd/strategy.ts";
import { signingRequestStrategy } from "../certificates/signing-request.ts";
import { namespaceStrategy } from "../namespaces/strategy.ts";
import { serviceStrategy } from "../services/strategy.ts";
import { cronJobStrategy, jobStrategy } from "../kinds/batch.ts";
import { claimStrategy, configMapStrategy, secretStrategy } from "../kinds/config.ts";
import { podStrategy } from "../kinds/pod.ts";
import { bindingStrategy, roleStrategy } from "../kinds/rbac.ts";
import {
  daemonSetStrategy,
  deploymentStrategy,
  replicaSetStrategy,
  statefulSetStrategy,
} from "../kinds/workloads.ts";
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
}

/** Every built-in resource, in the order of discovery. */
export function builtInResources(options: BuiltInKindOptions): Resource[] {
  return [...coreResources(options), ...workloadResources(), ...securityResources(), ...otherResources()];
}

function coreResources({ serviceCIDR, random }: BuiltInKindOptions): Resource[] {
  const all = ["all"];
  return [
    builtIn(api.ConfigMap, { shortNames: ["cm"], strategy: configMapStrategy }),
    builtIn(api.Endpoints, { shortNames: ["ep"], singular: "endpoints" }),
    builtIn(api.Event, { shortNames: ["ev"], selectable: EVENT_FIELDS }),
    builtIn(api.LimitRange, { shortNames: ["limits"] }),
    builtIn(api.Namespace, {
      shortNames: ["ns"],
      status: true,
      returnsDeleted: true,
      verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
      subresources: [{ name: "finalize", kind: "Namespace", verbs: ["update"] }],
      selectable: { "status.phase": ["status", "phase"] },
      strategy: namespaceStrategy,
    }),
    builtIn(api.Node, {
      shortNames: ["no"],
      status: true,
      selectable: { "spec.unschedulable": ["spec", "unschedulable"] },
    }),
    builtIn(api.PersistentVolume, { shortNames: ["pv"], status: true, returnsDeleted: true }),
    builtIn(api.PersistentVolumeClaim, {
      strategy: claimStrategy,
      shortNames: ["pvc"],
      status: true,
      returnsDeleted: true,
    }),
    builtIn(api.Pod, {
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
      strategy: secretStrategy,
      selectable: { type: ["type"] },
    }),
    builtIn(api.Service, {
      shortNames: ["svc"],
      categories: all,
      status: true,
      returnsDeleted: true,
      selectable: { "spec.clusterIP": ["spec", "clusterIP"], "spec.type": ["spec", "type"] },
      strategy: serviceStrategy(serviceCIDR, random),
    }),
    builtIn(api.ServiceAccount, {
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
  return [
    builtIn(api.ControllerRevision, {}),
    builtIn(api.DaemonSet, { ...common, strategy: daemonSetStrategy, shortNames: ["ds"] }),
    builtIn(api.Deployment, {
      ...common,
      strategy: deploymentStrategy,
      shortNames: ["deploy"],
      scale: REPLICAS,
    }),
    builtIn(api.ReplicaSet, { ...common, strategy: replicaSetStrategy, shortNames: ["rs"], scale: REPLICAS }),
    builtIn(api.StatefulSet, {
      ...common,
      strategy: statefulSetStrategy,
      shortNames: ["sts"],
      scale: REPLICAS,
    }),
    builtIn(api.HorizontalPodAutoscaler, { shortNames: ["hpa"], categories: ["all"], status: true }),
    builtIn(api.CronJob, { ...common, strategy: cronJobStrategy, shortNames: ["cj"] }),
    builtIn(api.Job, {
      ...common,
      strategy: jobStrategy,
      selectable: { "status.successful": ["status", "succeeded"] },
    }),
  ];
}

function securityResources(): Resource[] {
  const ask = { verbs: CREATE };
  return [
    builtIn(api.TokenReview, ask),
    builtIn(api.SelfSubjectReview, ask),
    builtIn(api.LocalSubjectAccessReview, ask),
    builtIn(api.SelfSubjectAccessReview, ask),
    builtIn(api.SelfSubjectRulesReview, ask),
    builtIn(api.SubjectAccessReview, ask),
    builtIn(api.CertificateSigningRequest, {
      shortNames: ["csr"],
      status: true,
      selectable: { "spec.signerName": ["spec", "signerName"] },
      strategy: signingRequestStrategy,
      subresources: [
        { name: "approval", kind: "CertificateSigningRequest", verbs: ["get", "patch", "update"] },
      ],
    }),
    builtIn(api.ClusterRoleBinding, { strategy: bindingStrategy }),
    builtIn(api.ClusterRole, { strategy: roleStrategy }),
    builtIn(api.RoleBinding, { strategy: bindingStrategy }),
    builtIn(api.Role, { strategy: roleStrategy }),
  ];
}

function otherResources(): Resource[] {
  const networking = { status: true, generation: true };
  return [
    builtIn(api.CustomResourceDefinition, {
      shortNames: ["crd", "crds"],
      categories: ["api-extensions"],
      status: true,
      generation: true,
      strategy: customResourceDefinitionStrategy,
    }),
    builtIn(api.Lease, {}),
    builtIn(api.EndpointSlice, { generation: true }),
    builtIn(api.IngressClass, { generation: true }),
    builtIn(api.Ingress, { ...networking, shortNames: ["ing"] }),
    builtIn(api.NetworkPolicy, { generation: true, shortNames: ["netpol"] }),
    builtIn(api.PodDisruptionBudget, { ...networking, shortNames: ["pdb"] }),
    builtIn(api.PriorityClass, { shortNames: ["pc"], generation: true }),
    builtIn(api.StorageClass, { shortNames: ["sc"] }),
    builtIn(resourceType("events.k8s.io/v1", "Event", "events", { namespaced: true }), {
      shortNames: ["ev"],
      selectable: EVENT_FIELDS,
    }),
  ];
}
