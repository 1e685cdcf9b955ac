export {
  installCustomResourceDefinitions,
  startTestApiServer,
  type TestApiServer,
  type TestApiServerOptions,
} from "./api-server.ts";
export { startTestForge } from "./forge.ts";
export { addPodActor, readyStatus } from "./pod-actor.ts";
export { startTestRegistry } from "./registry.ts";
export { type TemporaryDirectory, temporaryDirectory } from "./temporary-directory.ts";
