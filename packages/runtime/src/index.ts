export { Backoff, jitter } from "./backoff.ts";
export {
  createEventRecorder,
  type EventRecorder,
  type EventRecorderOptions,
  type EventType,
} from "./event-recorder.ts";
export { addFinalizer, hasFinalizer, removeFinalizer } from "./finalizers.ts";
export { keepLease, type LeaseOptions, renewLease } from "./lease.ts";
export { createManager, type ManagerOptions } from "./manager.ts";
export { mergeDiff } from "./merge-diff.ts";
export { patchStatus, type PatchStatusOptions } from "./patch-status.ts";
export { sleep } from "./sleep.ts";
export * from "./types.ts";
