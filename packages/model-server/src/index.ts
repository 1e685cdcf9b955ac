export { modelServerImageFiles, MODEL_SERVER_BUNDLE, MODEL_SERVER_NODE_FLAGS } from "./image.ts";
export type { Log } from "./log.ts";
export { ModelLoadError } from "./model.ts";
export { runModelServer } from "./program.ts";
export { DRAIN_MS, startModelServer } from "./server.ts";
export type { ModelServer, ModelServerOptions } from "./server.ts";
