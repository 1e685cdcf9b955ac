import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { isStatus, resourcePath, statusError } from "@ai-edge/apimachinery";
import { Pod, Service, ServiceAccount, type TokenRequest } from "@ai-edge/api";
import { createEventRecorder, type Manager } from "@ai-edge/runtime";
import type { Logger } from "pino";

import { AddressAllocator } from "./addresses/address-allocator.ts";
import { ImageStore } from "./images/image-store.ts";
import { pullCredentials } from "./images/pull-credentials.ts";
import { type LogOptions, readContainerLog } from "./logs/container-log.ts";
import { addNodeRegistration } from "./node-registration.ts";
import { type BackoffSettings, UPSTREAM_BACKOFF } from "./pods/backoff-schedule.ts";
import { PodController } from "./pods/pod-controller.ts";
import { createReferenceReader } from "./pods/references.ts";
import type { VolumeOptions } from "./pods/volumes.ts";
import { addServiceProxy } from "./proxy/service-proxy.ts";
import type { ContainerRuntime } from "./runtimes/runtime.ts";
import { addScheduler } from "./scheduler.ts";
import { serviceVariables } from "./service-variables.ts";

export interface NodeAgentOptions {
  nodeName: string;
  /** Holds `images/` and `pods/`. */
  dataDir: string;
  /** Address of the node itself, for hostIP. */
  hostIP: string;
  podCIDR: string;
  routeCIDR: string;
  /** In the order in which they are asked to take an image. */
  runtimes: readonly ContainerRuntime[];
  /** The directory of a PersistentVolumeClaim. */
  claimDirectory: VolumeOptions["claimDirectory"];
  /** CrashLoopBackOff and ImagePullBackOff; default upstream's 10 s to 5 min. */
  backoff?: BackoffSettings;
  logger: Logger;
}

/** Names one container for `pods/log`. */
export interface ContainerReference {
  namespace: string;
  name: string;
  container?: string | undefined;
  options: LogOptions & { previous?: boolean | undefined };
}

export interface NodeAgent {
  /** A container's log. @throws StatusError for a pod or container that is not here */
  podLogs(reference: ContainerReference, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Ends all containers, deleting nothing; the next start runs them again. */
  close(): Promise<void>;
}

/** Runs the pods of an embedded cluster's only node: what kubelet, kube-proxy, router and scheduler do on a real one. */
export async function addNodeAgent(manager: Manager, options: NodeAgentOptions): Promise<NodeAgent> {
  const { nodeName, dataDir, hostIP, podCIDR, routeCIDR, logger } = options;
  const { client, now } = manager;
  await mkdir(join(dataDir, "pods"), { recursive: true, mode: 0o700 });
  const recorder = createEventRecorder({ client, component: "kubelet", host: nodeName, logger, now });
  const scheduling = createEventRecorder({ client, component: "default-scheduler", logger, now });
  const services = manager.informer(Service);
  const images = new ImageStore({
    directory: join(dataDir, "images"),
    credentials: (pod, reference) => pullCredentials(client, pod, reference),
    event: (pod, type, reason, message) => recorder.event(pod, type, reason, message),
  });
  const pods = new PodController(manager, {
    node: {
      nodeName,
      hostIP,
      images,
      references: createReferenceReader(client),
      volumes: {
        claimDirectory: options.claimDirectory,
        serviceAccountToken: (request) => requestToken(manager, request),
      },
      runtimes: options.runtimes,
      serviceVariables: (pod) => serviceVariables(pod, services.store),
      backoff: options.backoff ?? UPSTREAM_BACKOFF,
      now,
      logger,
    },
    addresses: new AddressAllocator(podCIDR),
    directory: join(dataDir, "pods"),
    recorder,
  });
  addNodeRegistration(manager, { nodeName, hostIP, podCIDR, logger });
  addScheduler(manager, nodeName, scheduling);
  pods.add();
  const proxy = addServiceProxy(manager, { routeCIDR, logger });
  return {
    podLogs: async (reference, signal) => podLogs(pods, reference, now, signal),
    close: async () => {
      // Pods first: their last requests still come through the proxy.
      await pods.close();
      await proxy.close();
      await Promise.all([recorder.flush(), scheduling.flush()]);
    },
  };
}

function podLogs(
  pods: PodController,
  reference: ContainerReference,
  now: () => Date,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { namespace, name, container, options } = reference;
  const worker = pods.workers.get(`${namespace}/${name}`);
  if (worker === undefined) {
    throw statusError(
      "BadRequest",
      `pod "${name}" in namespace "${namespace}" has not been started on this node, or has ended and been removed`,
      { name, kind: Pod.plural },
    );
  }
  const runner = worker.runner(container);
  if (runner === undefined)
    throw statusError("BadRequest", `container ${container} is not valid for pod ${name}`);
  if (options.previous === true && runner.status.restartCount === 0) {
    throw statusError(
      "BadRequest",
      `previous terminated container "${runner.container.name}" in pod "${name}" not found`,
    );
  }
  if (options.previous !== true && runner.log === undefined) {
    const { reason = "ContainerCreating", message } = runner.status.state?.waiting ?? {};
    throw statusError(
      "BadRequest",
      `container "${runner.container.name}" in pod "${name}" is waiting to start: ${message ?? reason}`,
    );
  }
  const log = options.previous === true ? undefined : runner.log;
  return readContainerLog(runner.logPath(options.previous), options, { log, now, signal });
}

async function requestToken(
  manager: Manager,
  request: { namespace: string; name: string; audience?: string; expirationSeconds?: number },
): Promise<string> {
  const path = resourcePath(ServiceAccount, {
    namespace: request.namespace,
    name: request.name,
    subresource: "token",
  });
  const body = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {
      ...(request.audience === undefined ? {} : { audiences: [request.audience] }),
      ...(request.expirationSeconds === undefined ? {} : { expirationSeconds: request.expirationSeconds }),
    },
  };
  try {
    const response = await manager.client.request("POST", path, {
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const { status } = JSON.parse(await response.text()) as TokenRequest;
    return status?.token ?? "";
  } catch (error) {
    // The account of a pod may be made after the pod: the volume is prepared again at the next try.
    if (isStatus(error, "NotFound"))
      throw new Error(`serviceaccount "${request.name}" not found`, { cause: error });
    throw error;
  }
}
