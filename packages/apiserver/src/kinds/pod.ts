import type { Container, Pod, PodSpec, PodStatus } from "@ai-edge/api";
import { type StatusCause, deepEqual, statusError } from "@ai-edge/apimachinery";
import type { HookContext, Strategy } from "../resources/resource.ts";
import { forbiddenField } from "../rest/errors.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { validatePodSpec } from "./pod-validation.ts";

/** Pods: what runs cannot change but for the image, tolerations and deadlines. */
export const podStrategy: Strategy<Pod> = {
  applyDefaults(pod) {
    if (pod.spec !== undefined) {
      defaultPodSpec(pod.spec);
      pod.spec.enableServiceLinks ??= true;
    }
  },
  prepareForCreate(pod, context) {
    pod.status = { phase: "Pending", ...(pod.spec === undefined ? {} : { qosClass: qosClassOf(pod.spec) }) };
    if (pod.spec !== undefined) admitServiceAccount(pod, context);
  },
  validate(pod, old) {
    const causes = validatePodSpec(pod.spec, "spec");
    if (old !== undefined && !deepEqual(fixedPart(pod.spec), fixedPart(old.spec))) causes.push(IMMUTABLE);
    return causes;
  },
};

const IMMUTABLE: StatusCause = forbiddenField(
  "spec",
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
);

/** The spec without what may change; the node is set once, by a binding. */
function fixedPart(spec: PodSpec): unknown {
  const {
    activeDeadlineSeconds: _,
    tolerations: __,
    terminationGracePeriodSeconds: ___,
    nodeName: ____,
    ...rest
  } = spec;
  const withoutImages = (containers: readonly Container[] | undefined): unknown =>
    containers?.map((container) => ({ ...container, image: "", imagePullPolicy: "" }));
  return {
    ...rest,
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
  };
}

/** The ServiceAccount admission plugin, as far as tokens in files are not concerned: the node agent mounts none. */
function admitServiceAccount(pod: Pod, { transaction }: HookContext): void {
  const { spec, metadata } = pod;
  spec.serviceAccountName ??= spec.serviceAccount ?? "default";
  spec.serviceAccount = spec.serviceAccountName;
  const { namespace = "", name } = metadata;
  const key = { resource: "serviceaccounts", namespace, name: spec.serviceAccountName };
  const account = transaction.get(key);
  if (account === undefined) {
    // The default one is made by a controller right after its namespace: a pod may come first.
    if (spec.serviceAccountName === "default") return;
    throw statusError(
      "Forbidden",
      `pods ${JSON.stringify(name)} is forbidden: error looking up service account ${namespace}/${spec.serviceAccountName}: serviceaccount ${JSON.stringify(spec.serviceAccountName)} not found`,
      { name, kind: "pods" },
    );
  }
  const secrets = account.object["imagePullSecrets"];
  if (spec.imagePullSecrets === undefined && Array.isArray(secrets) && secrets.length > 0) {
    spec.imagePullSecrets = structuredClone(secrets);
  }
}

/** `pkg/apis/core/helper/qos`: by cpu and memory of all containers. */
function qosClassOf(spec: PodSpec): NonNullable<PodStatus["qosClass"]> {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const isBare = containers.every(
    ({ resources }) => isEmpty(resources?.limits) && isEmpty(resources?.requests),
  );
  if (isBare) return "BestEffort";
  const isGuaranteed = containers.every(({ resources }) => {
    const { limits = {}, requests = limits } = resources ?? {};
    return ["cpu", "memory"].every(
      (name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name],
    );
  });
  return isGuaranteed ? "Guaranteed" : "Burstable";
}

function isEmpty(list: Record<string, unknown> | undefined): boolean {
  return list === undefined || Object.keys(list).length === 0;
}
