export type { VolumeOptions } from "./volume/controller.ts";
export { addWorkloadControllers, type WorkloadOptions } from "./workloads.ts";
