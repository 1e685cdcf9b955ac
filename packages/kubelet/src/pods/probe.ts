import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";

import type { Container, LifecycleHandler, Probe } from "@ai-edge/api";

import type { RunningContainer } from "../runtimes/runtime.ts";

export interface ProbeResult {
  success: boolean;
  /** Why it failed, as in the event `Unhealthy`. */
  message: string;
}

/** core/v1 Probe's defaults. */
const DEFAULTS = {
  initialDelaySeconds: 0,
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
};
/**
 * Until its first success a readiness probe may ask this often: failing then means nothing new, and a pod is ready when
 * it is. Liveness and startup probes keep their period, because their failures are counted against the container.
 */
const EAGER_PERIOD_MS = 250;
/** The body of a failed HTTP probe that is worth reading. */
const MAX_MESSAGE = 200;

/** Runs a handler once. */
export async function runHandler(
  handler: LifecycleHandler,
  target: { podIP: string; container: Container; running: RunningContainer; timeoutMs: number },
): Promise<ProbeResult> {
  const { podIP, container, running, timeoutMs } = target;
  if (handler.exec !== undefined) {
    const { exitCode, output } = await running.exec(handler.exec.command ?? [], timeoutMs);
    return { success: exitCode === 0, message: output.trim() };
  }
  if (handler.httpGet !== undefined) return httpGet(handler.httpGet, { podIP, container, timeoutMs });
  if (handler.tcpSocket !== undefined) {
    const { host, port } = handler.tcpSocket;
    return tcpConnect(host ?? podIP, portOf(container, port), timeoutMs);
  }
  if (handler.sleep !== undefined) {
    const { seconds } = handler.sleep;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return { success: true, message: "" };
  }
  return {
    success: false,
    message: "the probe has no handler that this node supports (exec, httpGet, tcpSocket)",
  };
}

/** A number, or the container's port of that name. */
function portOf(container: Container, port: number | string): number {
  if (typeof port === "number" || /^\d+$/.test(port)) return Number(port);
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? 0;
}

async function httpGet(
  action: NonNullable<LifecycleHandler["httpGet"]>,
  { podIP, container, timeoutMs }: { podIP: string; container: Container; timeoutMs: number },
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const secure = action.scheme === "HTTPS";
    const headers = Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value]));
    const request = (secure ? httpsRequest : httpRequest)({
      host: action.host ?? podIP,
      port: portOf(container, action.port),
      path: action.path ?? "/",
      headers: { "user-agent": "kube-probe/ai-edge", connection: "close", ...headers },
      timeout: timeoutMs,
      agent: false,
      // The kubelet does not verify probed certificates either: the pod's address is in none.
      ...(secure ? { rejectUnauthorized: false } : {}),
    });
    request.on("response", (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      const success = status >= 200 && status < 400;
      resolve({ success, message: success ? "" : `HTTP probe failed with statuscode: ${status}` });
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    request.on("error", (error) => resolve({ success: false, message: error.message.slice(0, MAX_MESSAGE) }));
    request.end();
  });
}

async function tcpConnect(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const finish = (result: ProbeResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => finish({ success: true, message: "" }));
    socket.once("timeout", () =>
      finish({ success: false, message: `no connection within ${timeoutMs / 1000} s` }),
    );
    socket.once("error", (error) => finish({ success: false, message: error.message }));
  });
}

/** Calls back when a probe's verdict changes: after successThreshold or failureThreshold results of a kind in a row. */
export interface ProbeWorker {
  stop(): void;
}

/**
 * Probes a container until stopped.
 * @param onVerdict told the first verdict and every change of it; a failing verdict is told again after each further
 *   `failureThreshold` failures, so that a liveness probe can act again
 */
export function startProbe(
  probe: Probe,
  run: (timeoutMs: number) => Promise<ProbeResult>,
  onVerdict: (success: boolean, message: string) => void,
  onFailure: (message: string) => void,
  options: { eager?: boolean } = {},
): ProbeWorker {
  const settings = {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(probe).filter(([, value]) => value !== undefined)),
  } as typeof DEFAULTS;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let inARow = 0;
  let last: boolean | undefined;
  let verdict: boolean | undefined;
  const tick = async (): Promise<void> => {
    const { success, message } = await run(settings.timeoutSeconds * 1000).catch((error: unknown) => ({
      success: false,
      message: error instanceof Error ? error.message : String(error),
    }));
    if (stopped) return;
    inARow = success === last ? inARow + 1 : 1;
    last = success;
    if (!success) onFailure(message);
    const threshold = success ? settings.successThreshold : settings.failureThreshold;
    if (inARow >= threshold && (verdict !== success || (!success && inARow % threshold === 0))) {
      verdict = success;
      onVerdict(success, message);
    }
    schedule(nextDelay());
  };
  const period = settings.periodSeconds * 1000;
  const nextDelay = () =>
    options.eager === true && verdict !== true ? Math.min(period, EAGER_PERIOD_MS) : period;
  const schedule = (delay: number) => {
    if (!stopped) timer = setTimeout(() => void tick(), delay);
  };
  schedule(settings.initialDelaySeconds * 1000);
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
