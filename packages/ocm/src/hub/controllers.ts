import type { Manager } from "@ai-edge/runtime";
import { createEventRecorder } from "@ai-edge/runtime";
import { addPlacementController } from "../placement/controller.ts";
import { addPolicyPropagator } from "../policy/propagator.ts";
import { addClusterSetControllers } from "./cluster-set.ts";
import { addCsrApprovalController } from "./csr-approval.ts";
import { addHeartbeatController } from "./heartbeat.ts";
import { addManagedClusterController } from "./managed-cluster.ts";
import { addTaintController } from "./taint.ts";
import { addTokenCleaner } from "./token-cleaner.ts";

/** A stopped edge shows within 25 s and a beat costs one small PATCH (upstream: 60 s and five minutes). */
export const EMBEDDED_LEASE_SECONDS = 10;

export interface HubControllerOptions {
  /** Seconds between heartbeats of clusters that join; default 10. */
  leaseDurationSeconds?: number;
  /** The ManagedClusterSet, made when missing, that joining clusters are put in unless their token names one. */
  clusterSet?: string;
}

/** Registration, heartbeat, sets, placement and policies of the hub. On a hub that ACM or OCM already runs, leave them off. */
export function addHubControllers(manager: Manager, options: HubControllerOptions = {}): void {
  const { client, logger, now } = manager;
  const recorder = createEventRecorder({ client, component: "ocm-hub", logger, now });
  const clusterSet = options.clusterSet;
  addCsrApprovalController(manager, {
    now,
    recorder,
    clusterSet,
    leaseDurationSeconds: options.leaseDurationSeconds ?? EMBEDDED_LEASE_SECONDS,
  });
  addTokenCleaner(manager, { recorder });
  addManagedClusterController(manager);
  addHeartbeatController(manager);
  addTaintController(manager);
  addClusterSetControllers(manager, { clusterSet });
  addPlacementController(manager, { recorder });
  addPolicyPropagator(manager);
}
