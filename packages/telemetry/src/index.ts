export { addTelemetryAgent } from "./agent/agent.ts";
export type { TargetStatus, TelemetryAgent, TelemetryAgentOptions } from "./agent/agent.ts";
export { DEFAULT_ALLOWLIST } from "./agent/allowlist.ts";
export type { RemoteWrite } from "./agent/sender.ts";
export { createMetricsHandler } from "./http/handler.ts";
export type { MetricsHandlerOptions, MetricsIdentity } from "./http/handler.ts";
export { createMetricsStore } from "./store/store.ts";
export type { MetricsStore, MetricsStoreOptions } from "./store/store.ts";
export type { Labels, Sample, TimeSeries } from "./series.ts";
