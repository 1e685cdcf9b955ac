import { statusError } from "@ai-edge/apimachinery";
import type { Call } from "../rest/call.ts";
import { nameOf } from "../rest/call.ts";

/** exec, attach and port-forward: a clear answer instead of a 404. */
export function handleUnsupportedStream(call: Call): void {
  const { subresource = "" } = call.target;
  throw statusError(
    "ServiceUnavailable",
    `pods/${subresource} is not supported by the embedded API server: use kubectl logs ${nameOf(call)}, or the pod's own address (status.podIP)`,
  );
}
