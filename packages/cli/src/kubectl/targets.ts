import { type ObjectKey, type ResourceType, groupResource, keyOf } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { UsageError } from "../user-error.ts";
import type { ResourceNames } from "./resources.ts";

/** One object that a command line names. */
export interface Target {
  type: ResourceType;
  key: ObjectKey;
}

/** `pod/a`, `deployment.apps/b`: how kubectl names an object in its answers. */
export function nameOf({ type, key }: Target): string {
  const kind = type.kind.toLowerCase();
  return `${type.group === "" ? kind : `${kind}.${type.group}`}/${key.name}`;
}

/** The key of a name in a resource: namespaced ones are in the namespace of the command line. */
export function keyIn(type: ResourceType, namespace: string, name: string): ObjectKey {
  return type.namespaced ? { namespace, name } : { name };
}

/** The objects that `TYPE/NAME…` or `TYPE NAME…` name; undefined for `TYPE` alone. */
export async function namedTargets(
  positionals: readonly string[],
  resources: ResourceNames,
  namespace: string,
): Promise<Target[] | undefined> {
  const [first, ...names] = positionals;
  if (first === undefined) throw new UsageError("give a resource type, and names if you mean some only");
  if (positionals.some((text) => text.includes("/"))) {
    return Promise.all(positionals.map((text) => slashed(text, resources, namespace)));
  }
  if (names.length === 0) return undefined;
  const types = await resources.find(first);
  return types.flatMap((type) => names.map((name) => ({ type, key: keyIn(type, namespace, name) })));
}

/** Those of the type that a selector selects. */
export async function selectedTargets(
  client: Client,
  types: readonly ResourceType[],
  options: { namespace: string | undefined; labelSelector: string | undefined; signal: AbortSignal },
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const type of types) {
    const { items } = await client.list(type, options);
    for (const item of items) targets.push({ type, key: keyOf(item) });
  }
  return targets;
}

/** `pods`, `deployments.apps`. */
export function resourceName(type: ResourceType): string {
  return groupResource(type);
}

async function slashed(text: string, resources: ResourceNames, namespace: string): Promise<Target> {
  const [name, object, ...more] = text.split("/");
  if (name === undefined || name === "" || object === undefined || object === "" || more.length > 0) {
    throw new UsageError(`"${text}" is not TYPE/NAME`);
  }
  const [type, other] = await resources.find(name);
  if (type === undefined || other !== undefined) throw new UsageError(`"${name}" is not one resource type`);
  return { type, key: keyIn(type, namespace, object) };
}
