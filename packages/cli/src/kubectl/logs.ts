import { formatLabelSelector, isJsonObject, resourcePath } from "@ai-edge/apimachinery";
import { Pod } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { UsageError, UserError } from "../user-error.ts";
import { CONNECTION_FLAGS, parseDuration, parseFlags, parseInteger } from "./arguments.ts";
import type { KubectlIO } from "./command.ts";
import { connect } from "./connection.ts";
import { ResourceNames } from "./resources.ts";
import { type Target, nameOf, namedTargets } from "./targets.ts";

const LOG_FLAGS = {
  ...CONNECTION_FLAGS,
  container: { type: "string", short: "c" },
  follow: { type: "boolean", short: "f" },
  previous: { type: "boolean", short: "p" },
  tail: { type: "string" },
  since: { type: "string" },
  timestamps: { type: "boolean" },
} as const;

/** `logs`: the log of one container, of a pod or of the first pod that a workload selects. */
export async function runLogs(argv: string[], io: KubectlIO): Promise<void> {
  const { values, positionals } = parseFlags(argv, LOG_FLAGS);
  const [name, container, ...more] = positionals;
  if (name === undefined || more.length > 0) throw new UsageError("give one POD or TYPE/NAME");
  const { client, namespace } = await connect(values, io);
  try {
    const pod = name.includes("/") ? await podOf(client, name, namespace, io) : { namespace, name };
    const wanted = values.container ?? container;
    const response = await client.request("GET", resourcePath(Pod, { ...pod, subresource: "log" }), {
      query: {
        ...(wanted === undefined ? {} : { container: wanted }),
        ...(values.follow === true ? { follow: "true" } : {}),
        ...(values.previous === true ? { previous: "true" } : {}),
        ...(values.timestamps === true ? { timestamps: "true" } : {}),
        ...(values.tail === undefined || values.tail === "-1"
          ? {}
          : { tailLines: String(parseInteger(values.tail, "--tail")) }),
        ...(values.since === undefined
          ? {}
          : { sinceSeconds: String(Math.ceil(parseDuration(values.since, "--since") / 1000)) }),
      },
      signal: io.signal,
    });
    for await (const chunk of response.body) io.stdout.write(chunk);
  } finally {
    client.close();
  }
}

async function podOf(
  client: Client,
  name: string,
  namespace: string,
  io: KubectlIO,
): Promise<{ namespace: string; name: string }> {
  const [target] = (await namedTargets([name], new ResourceNames(client), namespace)) ?? [];
  if (target === undefined) throw new UsageError(`"${name}" is not TYPE/NAME`);
  if (target.type.kind === "Pod" && target.type.group === "") return { namespace, name: target.key.name };
  const labelSelector = await selectorOf(client, target);
  const pods = (await client.list(Pod, { namespace, labelSelector })).items;
  const pod = pods.find(({ status }) => status?.phase === "Running") ?? pods[0];
  if (pod === undefined) throw new UserError(`${nameOf(target)} has no pods in namespace ${namespace}`);
  if (pods.length > 1) io.stderr.write(`Found ${pods.length} pods, using pod/${pod.metadata.name}\n`);
  return { namespace, name: pod.metadata.name };
}

/** What a workload or Service selects its pods by; Jobs select by their label. */
async function selectorOf(client: Client, target: Target): Promise<string> {
  if (target.type.kind === "Job") return `job-name=${target.key.name}`;
  const object: object = await client.get(target.type, target.key);
  const spec = "spec" in object && isJsonObject(object.spec) ? object.spec : {};
  const { selector } = spec;
  if (!isJsonObject(selector)) throw new UserError(`${nameOf(target)} has no selector, hence no logs`);
  const labels =
    "matchLabels" in selector || "matchExpressions" in selector ? selector["matchLabels"] : selector;
  const matchLabels = isJsonObject(labels)
    ? Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]))
    : {};
  return formatLabelSelector({ matchLabels });
}
