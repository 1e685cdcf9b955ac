import { type KubernetesObject, isJsonObject, isStatus } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { UsageError, UserError } from "../user-error.ts";
import { CONNECTION_FLAGS, parseDuration, parseFlags } from "./arguments.ts";
import type { KubectlIO } from "./command.ts";
import { connect } from "./connection.ts";
import { textOf, valuesAt } from "./json-path.ts";
import { ResourceNames } from "./resources.ts";
import { type Target, nameOf, namedTargets, resourceName, selectedTargets } from "./targets.ts";

const WAIT_FLAGS = {
  ...CONNECTION_FLAGS,
  for: { type: "string" },
  timeout: { type: "string", default: "30s" },
  selector: { type: "string", short: "l" },
  all: { type: "boolean" },
  "all-namespaces": { type: "boolean", short: "A" },
} as const;

/** True when what is waited for holds; undefined stands for an object that is not there. */
type Check = (object: KubernetesObject | undefined) => boolean;

interface Awaited {
  check: Check;
  /** What is printed when it holds. */
  done: string;
  /** An object that is missing is an error, unless its absence or creation is waited for. */
  mayBeAbsent: boolean;
}

/** `wait`: for a condition, a value or the deletion of every object named. */
export async function runWait(argv: string[], io: KubectlIO): Promise<void> {
  const { values, positionals } = parseFlags(argv, WAIT_FLAGS);
  if (values.for === undefined) throw new UsageError("--for is missing");
  const awaited = parseFor(values.for);
  const deadline = Date.now() + parseDuration(values.timeout, "--timeout");
  const { client, namespace } = await connect(values, io);
  try {
    const resources = new ResourceNames(client);
    let targets = await namedTargets(positionals, resources, namespace);
    if (targets === undefined) {
      if (values.selector === undefined && values.all !== true) {
        throw new UsageError("name objects, or give -l SELECTOR or --all");
      }
      const types = await resources.find(positionals[0] ?? "");
      const scope = values["all-namespaces"] === true ? undefined : namespace;
      const options = { namespace: scope, labelSelector: values.selector, signal: io.signal };
      targets = await selectedTargets(client, types, options);
    }
    if (targets.length === 0 && !awaited.mayBeAbsent) throw new UserError("no matching resources found");
    for (const target of targets) {
      await waitFor(client, target, awaited, deadline, io.signal);
      io.stdout.write(`${nameOf(target)} ${awaited.done}\n`);
    }
  } finally {
    client.close();
  }
}

/** Resolves when the object is gone. @throws UserError when it is not by the deadline */
export async function waitForDeletion(
  client: Client,
  target: Target,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  await waitFor(client, target, parseFor("delete"), deadline, signal);
}

function parseFor(text: string): Awaited {
  if (text === "delete")
    return { check: (object) => object === undefined, done: "deleted", mayBeAbsent: true };
  const done = "condition met";
  if (text === "create") return { check: (object) => object !== undefined, done, mayBeAbsent: true };
  if (text.startsWith("condition=")) {
    const [type = "", status = "True"] = text.slice("condition=".length).split("=");
    return { check: (object) => hasCondition(object, type, status), done, mayBeAbsent: false };
  }
  const path = /^jsonpath=['"]?\{(.+?)\}['"]?(?:=['"]?(.*?)['"]?)?$/.exec(text);
  if (path === null) {
    throw new UsageError(
      `--for ${text} is none of condition=NAME[=VALUE], delete, create, jsonpath={.path}[=VALUE]`,
    );
  }
  const [, expression = "", value] = path;
  const check: Check = (object) =>
    valuesAt(object, expression).some((found) => value === undefined || textOf(found) === value);
  return { check, done, mayBeAbsent: false };
}

function hasCondition(object: KubernetesObject | undefined, type: string, status: string): boolean {
  const container: unknown = object !== undefined && "status" in object ? object.status : undefined;
  const conditions: unknown = isJsonObject(container) ? container["conditions"] : undefined;
  if (!Array.isArray(conditions)) return false;
  const list: readonly unknown[] = conditions;
  return list.some(
    (condition) =>
      isJsonObject(condition) &&
      String(condition["type"]).toLowerCase() === type.toLowerCase() &&
      String(condition["status"]).toLowerCase() === status.toLowerCase() &&
      !isStale(condition, object),
  );
}

/** A condition about an older generation says nothing about this one (kubectl does the same). */
function isStale(condition: Record<string, unknown>, object: KubernetesObject | undefined): boolean {
  const observed = condition["observedGeneration"];
  return typeof observed === "number" && observed < (object?.metadata.generation ?? 0);
}

async function waitFor(
  client: Client,
  target: Target,
  awaited: Awaited,
  deadline: number,
  parent: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
  const signal = AbortSignal.any([parent, timeout]);
  try {
    for (;;) if (await holds(client, target, awaited, signal)) return;
  } catch (error) {
    parent.throwIfAborted();
    if (!timeout.aborted) throw error;
    const { type, key } = target;
    throw new UserError(`timed out waiting for the condition on ${resourceName(type)}/${key.name}`);
  }
}

/** Looks once, then watches; false when the watch ended and it is time to look again. */
async function holds(
  client: Client,
  target: Target,
  awaited: Awaited,
  signal: AbortSignal,
): Promise<boolean> {
  const { type, key } = target;
  const fieldSelector = `metadata.name=${key.name}`;
  const { items, metadata } = await client.list(type, { namespace: key.namespace, fieldSelector, signal });
  const [object] = items;
  if (awaited.check(object)) return true;
  if (object === undefined && !awaited.mayBeAbsent) await client.get(type, key);
  const options = {
    namespace: key.namespace,
    fieldSelector,
    resourceVersion: metadata.resourceVersion,
    signal,
  };
  try {
    for await (const event of client.watch(type, options)) {
      if (event.type === "BOOKMARK") continue;
      const current = event.type === "DELETED" ? undefined : event.object;
      if (awaited.check(current)) return true;
      if (current === undefined && !awaited.mayBeAbsent) await client.get(type, key);
    }
  } catch (error) {
    if (!isStatus(error, "Expired", "Gone")) throw error;
  }
  signal.throwIfAborted();
  return false;
}
