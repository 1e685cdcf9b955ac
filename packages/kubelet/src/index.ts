export { NODE_PULL_SECRET } from "./images/pull-credentials.ts";
export {
  type ContainerReference,
  addNodeAgent,
  type NodeAgent,
  type NodeAgentOptions,
} from "./node-agent.ts";
export { type BackoffSettings, UPSTREAM_BACKOFF } from "./pods/backoff-schedule.ts";
export { createProcessRuntime, type ProcessRuntimeOptions } from "./runtimes/process-runtime.ts";
export { createRuncRuntime, type RuncRuntimeOptions } from "./runtimes/runc-runtime.ts";
export type {
  ContainerExit,
  ContainerRuntime,
  ContainerSpec,
  LocalImage,
  Mount,
  RunningContainer,
} from "./runtimes/runtime.ts";
