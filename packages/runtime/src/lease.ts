import { type KubernetesObject, formatMicroTime, isStatus, resourceType } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { sleep } from "./sleep.ts";
import type { Logger } from "pino";

interface LeaseObject extends KubernetesObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

const LeaseObject = resourceType<LeaseObject>("coordination.k8s.io/v1", "Lease", "leases", {
  namespaced: true,
});

export interface LeaseOptions {
  client: Client;
  namespace: string;
  name: string;
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  now: () => Date;
  /** Make the lease when it is missing. Default true; agents without the right to create set false. */
  create?: boolean;
}

/** Sets `renewTime` of a lease to now (heartbeat); makes the lease when it is missing. */
export async function renewLease(options: LeaseOptions, signal?: AbortSignal): Promise<void> {
  const { client, namespace, name, holderIdentity, leaseDurationSeconds } = options;
  const renewTime = formatMicroTime(options.now());
  const spec = {
    renewTime,
    ...(holderIdentity === undefined ? {} : { holderIdentity }),
    ...(leaseDurationSeconds === undefined ? {} : { leaseDurationSeconds }),
  };
  try {
    await client.patch(LeaseObject, { namespace, name }, { type: "merge", body: { spec } }, { signal });
  } catch (error) {
    if (!isStatus(error, "NotFound") || options.create === false) throw error;
    const lease = { metadata: { namespace, name }, spec: { ...spec, acquireTime: renewTime } };
    await client.create(LeaseObject, lease, { signal });
  }
}

/**
 * Renews a lease every `interval` milliseconds until the signal aborts. A failed renewal is logged and tried again
 * at the next beat: the other side judges by the age of `renewTime`, so nothing else needs doing.
 */
export async function keepLease(
  options: LeaseOptions & { interval: number; logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await renewLease(options, signal);
    } catch (error) {
      if (signal.aborted) return;
      options.logger.warn({ err: error, lease: `${options.namespace}/${options.name}` }, "lease not renewed");
    }
    await sleep(options.interval, signal);
  }
}
