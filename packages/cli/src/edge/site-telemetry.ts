import { Secret } from "@ai-edge/api";
import type { Manager } from "@ai-edge/runtime";
import { addTelemetryAgent } from "@ai-edge/telemetry";

/** Delivered by the hub: where to write metrics, and with which token. */
const METRICS_SECRET = { namespace: "kube-system", name: "aiedge-metrics" };
/** As the proof of concept's collector; a site has a handful of models. */
const SCRAPE_INTERVAL_MS = 5_000;

/** Starts the telemetry agent as soon as the hub has said where metrics go; at a restart that is known at once. */
export function addSiteTelemetry(manager: Manager, options: { clusterName: string; dataDir: string }): void {
  const { namespace, name } = METRICS_SECRET;
  const secrets = manager.informer(Secret, { namespace, fieldSelector: `metadata.name=${name}` });
  let started = false;
  const field = (key: string) =>
    Buffer.from(secrets.store.get(METRICS_SECRET)?.data?.[key] ?? "", "base64").toString("utf8");
  secrets.onEvent(() => {
    if (started || field("url") === "") return;
    started = true;
    addTelemetryAgent(manager, {
      ...options,
      remoteWrite: {
        // Read at every request: the hub may move, or renew the token.
        url: () => `${field("url")}/api/v1/write`,
        headers: () => ({ authorization: `Bearer ${field("token")}` }),
      },
      scrapeInterval: SCRAPE_INTERVAL_MS,
    });
  });
}
