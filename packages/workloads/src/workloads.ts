import type { Manager } from "@ai-edge/runtime";
import { controllerContext } from "./context.ts";
import { addCronJobController } from "./cron-job/controller.ts";
import { addDaemonSetController } from "./daemon-set/controller.ts";
import { addDeploymentController } from "./deployment/controller.ts";
import { addJobController } from "./job/controller.ts";
import { addReplicaSetController } from "./replica-set/controller.ts";
import { addServiceController } from "./service/controller.ts";
import { addStatefulSetController } from "./stateful-set/controller.ts";
import { type VolumeOptions, addVolumeController } from "./volume/controller.ts";

export interface WorkloadOptions {
  /** Absent: the manager's clock. */
  now?: () => Date;
  /** Where claims keep their data; absent: claims stay Pending. */
  volumes?: VolumeOptions;
}

/**
 * Adds the controllers that an embedded cluster needs to run workloads; on a real cluster its own
 * kube-controller-manager does this and they stay off.
 */
export function addWorkloadControllers(manager: Manager, options: WorkloadOptions = {}): void {
  const now = options.now ?? manager.now;
  const context = (component: string) => controllerContext(manager, { component, now });
  addDeploymentController(manager, context("deployment-controller"));
  addReplicaSetController(manager, context("replicaset-controller"));
  addStatefulSetController(manager, context("statefulset-controller"));
  addDaemonSetController(manager, context("daemonset-controller"));
  addJobController(manager, context("job-controller"));
  addCronJobController(manager, context("cronjob-controller"));
  addServiceController(manager, context("endpoint-slice-controller"));
  if (options.volumes !== undefined) {
    addVolumeController(manager, context("persistentvolume-controller"), options.volumes);
  }
}
