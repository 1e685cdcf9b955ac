/** Whether the cluster's own API server is well, and which version it says it is. */
import type { Client } from "@ai-edge/client";
import { sleep } from "@ai-edge/runtime";

const CHECK_INTERVAL_MS = 5_000;
/** Upstream: only this long a failure makes the cluster unavailable. */
const UNHEALTHY_AFTER_MS = 20_000;

export interface EdgeHealth {
  healthy(): boolean;
  message(): string;
  /** `v1.34.1`; undefined until the API server said it. */
  version(): string | undefined;
  onChange(handler: () => void): void;
  /** Checks until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** A check of `/livez` (before Kubernetes 1.16: `/healthz`) with upstream's patience. */
export function edgeHealth(client: Client, now: () => Date): EdgeHealth {
  const handlers: (() => void)[] = [];
  let healthy = true;
  let failure = "";
  let failingSince: number | undefined;
  let version: string | undefined;

  function set(next: boolean, message: string): void {
    if (healthy === next) return;
    healthy = next;
    failure = message;
    for (const handler of handlers) handler();
  }

  async function check(signal: AbortSignal): Promise<void> {
    try {
      const response = await client.request("GET", "/livez", { signal });
      await response.text();
      failingSince = undefined;
      set(true, "");
      if (version === undefined) await readVersion(signal);
    } catch (error) {
      if (signal.aborted) return;
      failingSince ??= now().getTime();
      const message = error instanceof Error ? error.message : String(error);
      if (now().getTime() - failingSince >= UNHEALTHY_AFTER_MS) set(false, message);
    }
  }

  async function readVersion(signal: AbortSignal): Promise<void> {
    const response = await client.request("GET", "/version", { signal });
    const body: unknown = JSON.parse(await response.text());
    const found: unknown =
      typeof body === "object" && body !== null ? Reflect.get(body, "gitVersion") : undefined;
    if (typeof found !== "string") return;
    version = found;
    for (const handler of handlers) handler();
  }

  return {
    healthy: () => healthy,
    message: () => failure,
    version: () => version,
    onChange: (handler) => handlers.push(handler),
    run: async (signal) => {
      while (!signal.aborted) {
        await check(signal);
        await sleep(CHECK_INTERVAL_MS, signal);
      }
    },
  };
}
