import { Deployment, Pod, Service } from "@ai-edge/api";
import { isConditionTrue, isStatus } from "@ai-edge/apimachinery";
import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { TaskError } from "./native-task.ts";
import { dnsLabel, labelValue, sanitiseObjectName } from "./object-name.ts";
import { waitFor } from "./wait-for.ts";

/** As upstream's `oc wait`: 5 minutes each for the Deployment and its Pod. */
const READY_TIMEOUT_MS = 5 * 60_000;
const MODEL_PORT = 8080;
const FIELD_MANAGER = "ai-edge-tekton";

/** The names of a candidate's objects, the same in the three tasks. */
function candidateOf(call: NativeTaskCall): {
  namespace: string;
  name: string;
  service: string;
  app: string;
} {
  const name = sanitiseObjectName(call.required("deployment-name"));
  return {
    namespace: call.text("namespace") || call.namespace,
    name,
    service: dnsLabel(name),
    app: labelValue(call.required("app")),
  };
}

/** `deploy-model-candidate`: upstream's `test-container-deploy` script as a task. */
export const deployModelCandidate: NativeTask = {
  name: "deploy-model-candidate",
  run: async (call) => {
    const { namespace, name, app, service } = candidateOf(call);
    const model = call.required("model-name");
    const probe = (path: string): object => ({
      failureThreshold: 10,
      periodSeconds: 5,
      successThreshold: 1,
      httpGet: { path, port: MODEL_PORT, scheme: "HTTP" },
    });
    const container = {
      name: service,
      image: call.required("image"),
      ports: [{ containerPort: MODEL_PORT }],
      livenessProbe: probe("/v2/health/live"),
      readinessProbe: {
        ...probe(`/v2/models/${encodeURIComponent(model)}/ready`),
        periodSeconds: 1,
        failureThreshold: 50,
      },
    };
    const deployment = {
      metadata: { name, namespace, labels: { app, "model-name": labelValue(model) } },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app } },
        template: { metadata: { labels: { app } }, spec: { containers: [container] } },
      },
    };
    await call.client.apply(Deployment, deployment, {
      fieldManager: FIELD_MANAGER,
      force: true,
      signal: call.signal,
    });
    call.log(`applied Deployment ${namespace}/${name} with image ${container.image}`);
    await waitForReady(call, namespace, name, app, container.image);
  },
};

async function waitForReady(
  call: NativeTaskCall,
  namespace: string,
  name: string,
  app: string,
  image: string,
): Promise<void> {
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

/** `expose-model-candidate`: a Service for the candidate; a name with dots, legal for the Deployment, is made legal. */
export const exposeModelCandidate: NativeTask = {
  name: "expose-model-candidate",
  run: async (call) => {
    const { namespace, service, app } = candidateOf(call);
    const spec = {
      selector: { app },
      ports: [{ port: MODEL_PORT, targetPort: MODEL_PORT, protocol: "TCP" as const }],
    };
    await call.client.apply(
      Service,
      { metadata: { name: service, namespace, labels: { app } }, spec },
      { fieldManager: FIELD_MANAGER, force: true, signal: call.signal },
    );
    call.log(`applied Service ${namespace}/${service}`);
  },
};

/** `stop-model-candidate`: what `upon-end` says. */
export const stopModelCandidate: NativeTask = {
  name: "stop-model-candidate",
  run: async (call) => {
    const { namespace, name, service } = candidateOf(call);
    const uponEnd = call.required("upon-end");
    if (uponEnd === "keep") {
      call.log("keeping the candidate running");
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
      await remove(call, Service, namespace, service);
      await remove(call, Deployment, namespace, name);
    } else {
      throw new TaskError(
        `parameter upon-end is ${JSON.stringify(uponEnd)}: it must be one of delete, keep, stop`,
      );
    }
  },
};

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
