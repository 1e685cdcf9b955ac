import { Deployment, Pod, Service, SubjectAccessReview } from "@ai-edge/api";
import type { Probe } from "@ai-edge/api";
import { isConditionTrue, isStatus } from "@ai-edge/apimachinery";
import { formatKey } from "@ai-edge/apimachinery";
import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { TaskError } from "./native-task.ts";
import { dnsLabel, labelValue, sanitiseObjectName } from "./object-name.ts";
import { waitFor } from "./wait-for.ts";

/** As upstream's `oc wait`: 5 minutes each for the Deployment and its Pod. */
const READY_TIMEOUT_MS = 5 * 60_000;
const MODEL_PORT = 8080;
const FIELD_MANAGER = "ai-edge-tekton";

interface Candidate {
  namespace: string;
  name: string;
  app: string;
}

/** The names of a candidate's objects, the same in the three tasks. */
async function candidateOf(call: NativeTaskCall): Promise<Candidate> {
  const name = sanitiseObjectName(call.required("deployment-name"));
  const namespace = call.text("namespace") || call.namespace;
  await requireAccess(call, namespace);
  return { namespace, name, app: labelValue(call.required("app")) };
}

/**
 * The controller may write everywhere, the run's author may not: in another namespace than the run's, the run's
 * ServiceAccount must be allowed to do what upstream's pod would do with its token.
 * @throws TaskError naming the account and the right it lacks
 */
async function requireAccess(call: NativeTaskCall, namespace: string): Promise<void> {
  if (namespace === call.namespace) return;
  const account = call.taskRun.spec.serviceAccountName ?? "default";
  const groups = [
    "system:serviceaccounts",
    `system:serviceaccounts:${call.namespace}`,
    "system:authenticated",
  ];
  const review = await call.client.create(SubjectAccessReview, {
    metadata: { name: "" },
    spec: {
      user: `system:serviceaccount:${call.namespace}:${account}`,
      groups,
      resourceAttributes: { namespace, verb: "create", group: "apps", resource: "deployments" },
    },
  });
  if (review.status?.allowed === true) return;
  throw new TaskError(
    `ServiceAccount ${call.namespace}/${account} may not create deployments in namespace ${namespace}: bind it a Role there, or leave target-namespace out`,
  );
}

/** `deploy-model-candidate`: upstream's `test-container-deploy` script as a task. */
export const deployModelCandidate: NativeTask = {
  name: "deploy-model-candidate",
  run: async (call) => {
    const { namespace, name, app } = await candidateOf(call);
    const model = call.required("model-name");
    const image = call.required("image");
    const probe = (path: string): Probe => ({
      periodSeconds: 5,
      failureThreshold: 10,
      successThreshold: 1,
      httpGet: { path, port: MODEL_PORT, scheme: "HTTP" },
    });
    const container = {
      name: dnsLabel(name),
      image,
      ports: [{ containerPort: MODEL_PORT }],
      livenessProbe: probe("/v2/health/live"),
      // Upstream asks every 5 s, 10 times; the same time in smaller steps starts the test sooner.
      readinessProbe: {
        ...probe(`/v2/models/${encodeURIComponent(model)}/ready`),
        periodSeconds: 1,
        failureThreshold: 50,
      },
    };
    await applyCandidateDeployment(call, {
      metadata: { name, namespace, labels: { app, "model-name": labelValue(model) } },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app } },
        template: { metadata: { labels: { app } }, spec: { containers: [container] } },
      },
    });
    await waitForCandidate(call, { namespace, name, app, image });
  },
};

/** Applies the Deployment of a candidate. */
export async function applyCandidateDeployment(
  call: NativeTaskCall,
  deployment: Omit<Deployment, "apiVersion" | "kind">,
): Promise<void> {
  await requireAccess(call, deployment.metadata.namespace ?? call.namespace);
  await call.client.apply(Deployment, deployment, {
    fieldManager: FIELD_MANAGER,
    force: true,
    signal: call.signal,
  });
  call.log(`applied Deployment ${formatKey(deployment.metadata)}`);
}

/** Waits until the Deployment is available and a Pod with the image is ready. @throws TaskError with the Pod's problem */
export async function waitForCandidate(
  call: NativeTaskCall,
  candidate: { namespace: string; name: string; app: string; image: string },
): Promise<void> {
  const { namespace, name, app, image } = candidate;
  const options = { client: call.client, signal: call.signal, timeoutMs: READY_TIMEOUT_MS };
  const available = await waitFor(
    Deployment,
    { namespace, fieldSelector: `metadata.name=${name}` },
    options,
    ([deployment]) => {
      if (
        deployment === undefined ||
        (deployment.status?.observedGeneration ?? 0) < (deployment.metadata.generation ?? 0)
      )
        return false;
      return (
        isConditionTrue(deployment.status?.conditions, "Available") &&
        deployment.status?.updatedReplicas === 1
      );
    },
  );
  // Pods of an earlier candidate may still be going: one with this image must be the one that is ready.
  const ready =
    available &&
    (await waitFor(Pod, { namespace, labelSelector: `app=${app}` }, options, (pods) =>
      pods.some(
        (pod) => pod.spec.containers[0]?.image === image && isConditionTrue(pod.status?.conditions, "Ready"),
      ),
    ));
  if (ready) {
    call.log("the candidate is ready");
    return;
  }
  const pods = await call.client.list(Pod, { namespace, labelSelector: `app=${app}` });
  throw new TaskError(
    `the candidate Deployment ${namespace}/${name} did not become ready within 5 minutes: ${describePods(pods.items)}`,
  );
}

/** What the pods' own status says is wrong. */
function describePods(pods: Pod[]): string {
  const reasons = pods.flatMap((pod) => {
    const containers = (pod.status?.containerStatuses ?? []).map(
      ({ state, lastState }) => state?.waiting ?? lastState?.terminated ?? state?.terminated,
    );
    const conditions = (pod.status?.conditions ?? []).filter(
      (condition) => condition.status === "False" && condition.message !== undefined,
    );
    return [...containers, ...conditions].flatMap((entry) =>
      entry?.reason === undefined ? [] : [`${entry.reason}: ${entry.message ?? ""}`],
    );
  });
  return reasons[0] ?? (pods.length === 0 ? "it has no Pod" : "its Pod gives no reason; see its log");
}

/** `expose-model-candidate` */
export const exposeModelCandidate: NativeTask = {
  name: "expose-model-candidate",
  run: async (call) => applyCandidateService(call, await candidateOf(call)),
};

/** Applies the Service of a candidate; a name with dots, which a Deployment may have, is made legal. */
export async function applyCandidateService(
  call: NativeTaskCall,
  { namespace, name, app }: { namespace: string; name: string; app: string },
): Promise<void> {
  const service = dnsLabel(name);
  const spec = {
    selector: { app },
    ports: [{ port: MODEL_PORT, targetPort: MODEL_PORT, protocol: "TCP" as const }],
  };
  const metadata = { name: service, namespace, labels: { app: labelValue(app) } };
  await call.client.apply(
    Service,
    { metadata, spec },
    { fieldManager: FIELD_MANAGER, force: true, signal: call.signal },
  );
  call.log(`applied Service ${namespace}/${service}`);
}

/** `stop-model-candidate` */
export const stopModelCandidate: NativeTask = {
  name: "stop-model-candidate",
  run: async (call) =>
    endCandidate(call, { ...(await candidateOf(call)), uponEnd: call.required("upon-end") }),
};

/** Does with a candidate what `upon-end` says. @throws TaskError for an unknown word */
export async function endCandidate(
  call: NativeTaskCall,
  { namespace, name, uponEnd }: { namespace: string; name: string; uponEnd: string },
): Promise<void> {
  if (uponEnd === "keep") {
    call.log("Keeping the deployment running.");
  } else if (uponEnd === "stop") {
    const body = { spec: { replicas: 0 } };
    await call.client.patch(
      Deployment,
      { namespace, name },
      { type: "merge", body },
      { fieldManager: FIELD_MANAGER },
    );
    call.log(`scaled Deployment ${namespace}/${name} to 0`);
  } else if (uponEnd === "delete") {
    await remove(call, Service, namespace, dnsLabel(name));
    await remove(call, Deployment, namespace, name);
  } else {
    throw new TaskError(
      `Invalid value for upon-end parameter: ${JSON.stringify(uponEnd)} is none of delete, keep, stop`,
    );
  }
}

async function remove<T extends KubernetesObject>(
  call: NativeTaskCall,
  type: ResourceType<T>,
  namespace: string,
  name: string,
): Promise<void> {
  try {
    await call.client.delete(
      type,
      { namespace, name },
      { propagationPolicy: "Background", signal: call.signal },
    );
    call.log(`deleted ${type.kind} ${namespace}/${name}`);
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}
