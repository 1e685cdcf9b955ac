import { statusError } from "@ai-edge/apimachinery";
import type { PodLogs } from "../server/options.ts";
import { storageKey } from "../objects/environment.ts";
import { type Call, nameOf } from "../rest/call.ts";
import { invalid, invalidValue, notFound } from "../rest/errors.ts";

/** GET of `pods/NAME/log`: the text of a container's log, streamed from the node agent of this process. */
export async function handlePodLog(call: Call, podLogs: PodLogs | undefined): Promise<void> {
  const { environment, resource, target, query, response, signal } = call;
  const namespace = target.namespace ?? "";
  const name = nameOf(call);
  if (environment.store.get(storageKey(resource, namespace, name)) === undefined)
    throw notFound(resource.type, name);
  if (podLogs === undefined) {
    throw statusError(
      "ServiceUnavailable",
      `pods ${JSON.stringify(name)} has no log here: this API server runs without a node agent`,
    );
  }
  const lines = await podLogs(
    {
      namespace,
      name,
      container: query.get("container") ?? undefined,
      options: {
        follow: query.get("follow") === "true",
        previous: query.get("previous") === "true",
        timestamps: query.get("timestamps") === "true",
        tailLines: count(query, "tailLines"),
        sinceSeconds: count(query, "sinceSeconds"),
        limitBytes: count(query, "limitBytes"),
      },
    },
    signal,
  );
  response.writeHead(200, { "Content-Type": "text/plain", "Cache-Control": "no-cache, private" });
  response.flushHeaders();
  for await (const chunk of lines) {
    if (signal.aborted) break;
    if (!response.write(chunk)) await drained(response, signal);
  }
  response.end();
}

async function drained(response: Call["response"], signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    response.once("drain", done);
    signal.addEventListener("abort", done);
  });
}

function count(query: URLSearchParams, field: string): number | undefined {
  const text = query.get(field);
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw invalid({ group: "", kind: "PodLogOptions" }, "", [
    invalidValue(field, text, "must be greater than or equal to 0"),
  ]);
}
