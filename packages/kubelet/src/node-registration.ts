import { availableParallelism, totalmem } from "node:os";

import { type Condition, formatTime, isStatus, withCondition } from "@ai-edge/apimachinery";
import { Node } from "@ai-edge/api";
import { keepLease, type Manager } from "@ai-edge/runtime";
import type { Logger } from "pino";

import { operatingSystem } from "./operating-system.ts";

/** kubelet: nodeLeaseDurationSeconds 40, renewed every quarter of it. */
const LEASE_SECONDS = 40;
const LEASE_INTERVAL_MS = 10_000;
/** kubelet's default maxPods. */
const MAX_PODS = 110;
/** What this agent says it is compatible with; `kubectl get nodes` shows it. */
const KUBELET_VERSION = "v1.33.0-ai-edge";

export interface NodeRegistrationOptions {
  nodeName: string;
  hostIP: string;
  podCIDR: string;
  logger: Logger;
}

/** Registers this machine as a Node, Ready, and keeps its lease. */
export function addNodeRegistration(manager: Manager, options: NodeRegistrationOptions): void {
  manager.addRunnable("node-registration", async (signal) => {
    await register(manager, options);
    const lease = {
      client: manager.client,
      namespace: "kube-node-lease",
      name: options.nodeName,
      holderIdentity: options.nodeName,
    };
    await keepLease(
      {
        ...lease,
        leaseDurationSeconds: LEASE_SECONDS,
        interval: LEASE_INTERVAL_MS,
        now: manager.now,
        logger: options.logger,
      },
      signal,
    );
  });
}

async function register(manager: Manager, options: NodeRegistrationOptions): Promise<void> {
  const { client } = manager;
  const { nodeName, podCIDR } = options;
  const labels = {
    "kubernetes.io/hostname": nodeName,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": process.arch === "x64" ? "amd64" : process.arch,
    "node-role.kubernetes.io/worker": "",
  };
  try {
    await client.create(Node, { metadata: { name: nodeName, labels }, spec: { podCIDR } });
  } catch (error) {
    if (!isStatus(error, "AlreadyExists")) throw error;
  }
  const known = (await client.get(Node, { name: nodeName })).status?.conditions;
  await client.patch(
    Node,
    { name: nodeName },
    {
      type: "merge",
      body: { metadata: { labels }, status: await nodeStatus(options, known, manager.now()) },
    },
    { subresource: "status" },
  );
}

async function nodeStatus(
  { nodeName, hostIP }: NodeRegistrationOptions,
  known: Condition[] | undefined,
  now: Date,
): Promise<NonNullable<Node["status"]>> {
  const resources = {
    cpu: String(availableParallelism()),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    pods: String(MAX_PODS),
  };
  const ready = {
    type: "Ready",
    status: "True" as const,
    reason: "KubeletReady",
    message: "the node agent is ready",
  };
  return {
    capacity: resources,
    allocatable: resources,
    addresses: [
      { type: "InternalIP", address: hostIP },
      { type: "Hostname", address: nodeName },
    ],
    // A node that was Ready before this start has been Ready since then.
    conditions: withCondition(known, ready, now).map((condition) => ({
      ...condition,
      lastHeartbeatTime: formatTime(now),
    })),
    nodeInfo: {
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      operatingSystem: "linux",
      kubeletVersion: KUBELET_VERSION,
      containerRuntimeVersion: "process://1",
      ...(await operatingSystem()),
      bootID: "",
      machineID: "",
      systemUUID: "",
      kubeProxyVersion: KUBELET_VERSION,
    },
  };
}
