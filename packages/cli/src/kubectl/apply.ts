import { setTimeout as delay } from "node:timers/promises";
import { type ObjectKey, type ResourceType, type UnstructuredObject, isStatus } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { CONNECTION_FLAGS, FILE_FLAGS, parseFlags } from "./arguments.ts";
import type { KubectlIO } from "./command.ts";
import { connect } from "./connection.ts";
import { readManifests } from "./manifests.ts";
import { keyIn, nameOf } from "./targets.ts";

const FIELD_MANAGER = "ai-edge-cli";
/** A CRD applied just before is served within this time. */
const KIND_TIMEOUT_MS = 10_000;
const KIND_POLL_MS = 100;

/** `apply`: server-side apply of manifests, one after the other, with kubectl's words for what became of each. */
export async function runApply(argv: string[], io: KubectlIO): Promise<void> {
  const { values } = parseFlags(argv, {
    ...CONNECTION_FLAGS,
    ...FILE_FLAGS,
    "force-conflicts": { type: "boolean" },
    "server-side": { type: "boolean" },
    "dry-run": { type: "boolean" },
  });
  const objects = await readManifests(values, io);
  const { client, namespace } = await connect(values, io);
  try {
    for (const object of objects) {
      const type = await typeOf(client, object, objects, io.signal);
      const key = keyIn(type, object.metadata.namespace ?? namespace, object.metadata.name);
      const what = await applyOne(client, type, key, object, {
        force: values["force-conflicts"] === true,
        dryRun: values["dry-run"] === true,
        signal: io.signal,
      });
      io.stdout.write(`${nameOf({ type, key })} ${what}\n`);
    }
  } finally {
    client.close();
  }
}

async function applyOne(
  client: Client,
  type: ResourceType,
  key: ObjectKey,
  object: UnstructuredObject,
  options: { force: boolean; dryRun: boolean; signal: AbortSignal },
): Promise<string> {
  const before = await versionOf(client, type, key);
  const manifest = { ...object, metadata: { ...object.metadata, ...key } };
  const after = await client.apply(type, manifest, { fieldManager: FIELD_MANAGER, ...options });
  const suffix = options.dryRun ? " (server dry run)" : "";
  if (before === undefined) return `created${suffix}`;
  return `${before === after.metadata.resourceVersion ? "unchanged" : "configured"}${suffix}`;
}

async function versionOf(client: Client, type: ResourceType, key: ObjectKey): Promise<string | undefined> {
  try {
    return (await client.get(type, key)).metadata.resourceVersion;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}

/** The resource of a manifest; waits for a kind whose CRD may only just have been applied. */
async function typeOf(
  client: Client,
  object: UnstructuredObject,
  all: readonly UnstructuredObject[],
  signal: AbortSignal,
): Promise<ResourceType> {
  const patience = all.some(({ kind }) => kind === "CustomResourceDefinition") ? KIND_TIMEOUT_MS : 0;
  const deadline = Date.now() + patience;
  for (;;) {
    try {
      return await client.resourceFor(object.apiVersion, object.kind);
    } catch (error) {
      if (!isStatus(error, "NotFound") || Date.now() >= deadline) throw error;
      await delay(KIND_POLL_MS, undefined, { signal });
    }
  }
}
