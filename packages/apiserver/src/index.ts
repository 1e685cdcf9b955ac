export type { Converter } from "./crd/definition.ts";
export type { Converters } from "./crd/controller.ts";
export type { ApiServer, ApiServerOptions, PodLogOptions, PodLogRequest, PodLogs } from "./server/options.ts";
export { startApiServer } from "./server/start.ts";
