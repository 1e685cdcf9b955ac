export { modelServerImageFiles, MODEL_SERVER_BUNDLE } from "./image.ts";
export { ModelLoadError } from "./model.ts";
export { runModelServer } from "./program.ts";
export { DRAIN_MS, startModelServer } from "./server.ts";
export type { ModelServer, ModelServerOptions } from "./server.ts";
