/** What the agents know about the way to the hub; changes are logged once, in one line. */
import type { Logger } from "pino";
import { type HubFailure, classifyHubError } from "./hub-error.ts";

/** The hub gives a cluster its rights after the certificate: until then it is refused, which is no news. */
const FIRST_RIGHTS_MS = 10_000;

export type ConnectionState =
  | "connecting"
  | "connected"
  /** No answer; the site goes on by itself. */
  | "disconnected"
  /** The hub answers and does not know or accept this cluster (any more). */
  | "refused";

export interface ConnectionStatus {
  state: ConnectionState;
  /** What to do about it, when there is something to do. */
  message: string;
  /** Since when. */
  since: Date;
}

export interface HubConnection {
  status(): ConnectionStatus;
  /** The hub answered as it should. */
  succeeded(): void;
  failed(error: unknown): void;
  /** Called at every change to `connected`. */
  onConnected(handler: () => void): void;
}

/** The state of the connection to one hub, judged by the outcome of heartbeats. */
export function hubConnection(options: {
  server: string;
  cluster: string;
  logger: Logger;
  now: () => Date;
}): HubConnection {
  const { server, cluster, logger, now } = options;
  const handlers: (() => void)[] = [];
  let status: ConnectionStatus = {
    state: "connecting",
    message: `connecting to the hub ${server}`,
    since: now(),
  };

  function change(state: ConnectionState, message: string, error?: unknown): void {
    if (status.state === state && status.message === message) return;
    status = { state, message, since: now() };
    if (state === "connected") logger.info({ hub: server }, message);
    else logger.warn({ hub: server, err: error }, message);
  }

  return {
    status: () => status,
    succeeded: () => {
      if (status.state === "connected") return;
      change("connected", `connected to the hub ${server}`);
      for (const handler of handlers) handler();
    },
    failed: (error) => {
      const failure = classifyHubError(error);
      const isNew =
        status.state === "connecting" && now().getTime() - status.since.getTime() < FIRST_RIGHTS_MS;
      if (failure === "forbidden" && isNew) return;
      const isRefused = failure === "untrusted" || failure === "unauthorized" || failure === "forbidden";
      change(isRefused ? "refused" : "disconnected", failureText(failure, server, cluster), error);
    },
    onConnected: (handler) => handlers.push(handler),
  };
}

function failureText(failure: HubFailure, server: string, cluster: string): string {
  const keeps = "this site keeps running what it runs";
  const rejoin = `if that is meant, join it again with a new token: ai-edge token create ${cluster}`;
  switch (failure) {
    case "untrusted":
      return `the server at ${server} is not the hub that this cluster joined (other certificate authority): ${keeps}; ${rejoin}`;
    case "unauthorized":
      return `the hub ${server} does not know this cluster's certificate: ${keeps}; ${rejoin}`;
    case "forbidden":
      return `the hub ${server} does not accept the cluster ${cluster} (removed or denied there): ${keeps}; ${rejoin}`;
    default:
      return `the hub ${server} cannot be reached: ${keeps} and will report when it is back`;
  }
}
