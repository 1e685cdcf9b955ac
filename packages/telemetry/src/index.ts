export { createMetricsHandler } from "./http/handler.ts";
export type { MetricsHandlerOptions, MetricsIdentity } from "./http/handler.ts";
export { createMetricsStore } from "./store/store.ts";
export type { MetricsStore, MetricsStoreOptions } from "./store/store.ts";
export type { Labels, Sample, TimeSeries } from "./series.ts";
