import type {
  DaemonSet,
  Deployment,
  LabelSelector,
  PodTemplateSpec,
  ReplicaSet,
  StatefulSet,
} from "@ai-edge/api";
import { type StatusCause, deepEqual, matchesLabelSelector } from "@ai-edge/apimachinery";
import type { Strategy } from "../resources/resource.ts";
import { invalidValue, notSupported, required } from "../rest/errors.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { validatePodSpec } from "./pod-validation.ts";

/** What every kind with a pod template and a selector has. */
interface Workload {
  readonly spec?: {
    readonly selector?: LabelSelector;
    readonly template?: PodTemplateSpec;
    readonly replicas?: number;
  };
}

function defaultTemplate(template: PodTemplateSpec | undefined): void {
  if (template?.spec !== undefined) defaultPodSpec(template.spec);
}

export const deploymentStrategy: Strategy<Deployment> = {
  applyDefaults({ spec }) {
    if (spec === undefined) return;
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ??= "RollingUpdate";
    if (spec.strategy.type === "RollingUpdate") {
      spec.strategy.rollingUpdate = {
        maxSurge: "25%",
        maxUnavailable: "25%",
        ...spec.strategy.rollingUpdate,
      };
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultTemplate(spec.template);
  },
  prepareForCreate(deployment) {
    deployment.status = {};
  },
  validate(deployment, old) {
    const causes = validateWorkload(deployment, old);
    const type = deployment.spec?.strategy?.type ?? "RollingUpdate";
    const types = ["Recreate", "RollingUpdate"];
    if (!types.includes(type)) causes.push(notSupported("spec.strategy.type", type, types));
    return causes;
  },
};

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  applyDefaults({ spec }) {
    if (spec === undefined) return;
    spec.replicas ??= 1;
    defaultTemplate(spec.template);
  },
  prepareForCreate(replicaSet) {
    replicaSet.status = { replicas: 0 };
  },
  validate: validateWorkload,
};

export const statefulSetStrategy: Strategy<StatefulSet> = {
  applyDefaults({ spec }) {
    if (spec === undefined) return;
    spec.replicas ??= 1;
    spec.podManagementPolicy ??= "OrderedReady";
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= "RollingUpdate";
    if (spec.updateStrategy.type === "RollingUpdate")
      spec.updateStrategy.rollingUpdate = { partition: 0, ...spec.updateStrategy.rollingUpdate };
    spec.revisionHistoryLimit ??= 10;
    defaultTemplate(spec.template);
  },
  prepareForCreate(statefulSet) {
    statefulSet.status = { replicas: 0 };
  },
  validate: validateWorkload,
};

export const daemonSetStrategy: Strategy<DaemonSet> = {
  applyDefaults({ spec }) {
    if (spec === undefined) return;
    spec.updateStrategy ??= {};
    spec.updateStrategy.type ??= "RollingUpdate";
    if (spec.updateStrategy.type === "RollingUpdate") {
      spec.updateStrategy.rollingUpdate = {
        maxSurge: 0,
        maxUnavailable: 1,
        ...spec.updateStrategy.rollingUpdate,
      };
    }
    spec.revisionHistoryLimit ??= 10;
    defaultTemplate(spec.template);
  },
  prepareForCreate(daemonSet) {
    daemonSet.status = {
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
    };
  },
  validate: validateWorkload,
};

function validateWorkload(object: Workload, old: Workload | undefined): StatusCause[] {
  const { selector, template, replicas } = object.spec ?? {};
  const causes: StatusCause[] = [];
  if (replicas !== undefined && replicas < 0) {
    causes.push(invalidValue("spec.replicas", replicas, "must be greater than or equal to 0"));
  }
  if (selector === undefined) causes.push(required("spec.selector"));
  else if (
    Object.keys(selector.matchLabels ?? {}).length === 0 &&
    (selector.matchExpressions ?? []).length === 0
  ) {
    causes.push(invalidValue("spec.selector", selector, "empty selector is invalid for deployment"));
  } else if (!matchesLabelSelector(selector, template?.metadata?.labels)) {
    causes.push(
      invalidValue(
        "spec.template.metadata.labels",
        template?.metadata?.labels ?? null,
        "`selector` does not match template `labels`",
      ),
    );
  }
  if (old?.spec?.selector !== undefined && !deepEqual(old.spec.selector, selector)) {
    causes.push(invalidValue("spec.selector", selector ?? null, "field is immutable"));
  }
  return [...causes, ...validatePodSpec(template?.spec, "spec.template.spec")];
}
