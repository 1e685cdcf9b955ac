import type { ManagedCluster } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { Backoff, type Store, renewLease, sleep } from "@ai-edge/runtime";
import { CLUSTER_LEASE, DEFAULT_LEASE_SECONDS } from "../names.ts";
import type { HubConnection } from "./connection.ts";

/** Right after the join the hub may still be making the lease and the rights to it. */
const FIRST_RETRY_MS = 50;
/** A hub that is back learns of this cluster within this time; one small request each. */
const RETRY_MAX_MS = 5_000;
/** A beat without an answer is given up and sent again: two of them still fit into the shortest usual grace. */
const BEAT_TIMEOUT_MS = 5_000;
/** Beats come after 80 to 100 % of the lease duration: spread over a fleet, and never later than promised. */
const EARLIEST_BEAT = 0.8;

/** Renews the cluster's lease until the signal aborts, one PATCH per beat, and tells the connection how it went. */
export async function beat(
  options: {
    client: Client;
    cluster: string;
    connection: HubConnection;
    clusters: Store<ManagedCluster>;
    now: () => Date;
  },
  signal: AbortSignal,
): Promise<void> {
  const { client, cluster, connection, clusters, now } = options;
  const backoff = new Backoff({ base: FIRST_RETRY_MS, max: RETRY_MAX_MS });
  while (!signal.aborted) {
    let wait: number;
    try {
      const answered = AbortSignal.any([signal, AbortSignal.timeout(BEAT_TIMEOUT_MS)]);
      await renewLease({ client, namespace: cluster, name: CLUSTER_LEASE, now, create: false }, answered);
      connection.succeeded();
      backoff.reset();
      const seconds = clusters.get({ name: cluster })?.spec?.leaseDurationSeconds ?? DEFAULT_LEASE_SECONDS;
      wait = seconds * 1000 * (EARLIEST_BEAT + (1 - EARLIEST_BEAT) * Math.random());
    } catch (error) {
      if (signal.aborted) return;
      connection.failed(error);
      wait = backoff.next();
    }
    await sleep(wait, signal);
  }
}
