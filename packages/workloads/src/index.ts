export { addWorkloadControllers, type WorkloadOptions } from "./workloads.ts";
