/** The paths of the three dialects. */

export type Action =
  | "server-metadata"
  | "live"
  | "ready"
  | "model-metadata"
  | "model-ready"
  | "infer"
  | "serving-status"
  | "serving-metadata"
  | "predict"
  | "invocations"
  | "ping"
  | "mlflow-version"
  | "metrics";

export interface Route {
  action: Action;
  method: "GET" | "POST";
  model?: string;
  version?: string;
}

const FIXED: Readonly<Record<string, Route>> = {
  "/v2": { action: "server-metadata", method: "GET" },
  "/v2/health/live": { action: "live", method: "GET" },
  "/v2/health/ready": { action: "ready", method: "GET" },
  // MLflow's scoring server.
  "/invocations": { action: "invocations", method: "POST" },
  "/ping": { action: "ping", method: "GET" },
  "/health": { action: "ping", method: "GET" },
  "/version": { action: "mlflow-version", method: "GET" },
  "/metrics": { action: "metrics", method: "GET" },
};

const OPEN_INFERENCE = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?$/;
const TENSORFLOW_SERVING = /^\/v1\/models\/([^/:]+)(?:\/versions\/([^/:]+))?(:predict|\/metadata)?$/;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function modelRoute(match: RegExpExecArray, action: Action, method: Route["method"]): Route {
  const [, model = "", version] = match;
  return {
    action,
    method,
    model: decode(model),
    ...(version === undefined ? {} : { version: decode(version) }),
  };
}

/** The route of a path without its query, or undefined. */
export function routeOf(path: string): Route | undefined {
  const fixed = FIXED[path === "/v2/" ? "/v2" : path];
  if (fixed !== undefined) return fixed;
  const open = OPEN_INFERENCE.exec(path);
  if (open !== null) {
    if (open[3] === "infer") return modelRoute(open, "infer", "POST");
    return modelRoute(open, open[3] === "ready" ? "model-ready" : "model-metadata", "GET");
  }
  const serving = TENSORFLOW_SERVING.exec(path);
  if (serving === null) return undefined;
  if (serving[3] === ":predict") return modelRoute(serving, "predict", "POST");
  return modelRoute(serving, serving[3] === undefined ? "serving-status" : "serving-metadata", "GET");
}
