import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConfigMap, PersistentVolumeClaim, Secret } from "@ai-edge/api";
import type { TaskRun, TaskSpec, WorkspaceBinding } from "@ai-edge/api";
import { isStatus } from "@ai-edge/apimachinery";
import type { KubernetesObject, ResourceType } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { pathInside, TaskError } from "../native/native-task.ts";

/** The directory that holds a claim's data. */
export type VolumeDirectory = (claim: PersistentVolumeClaim) => string | Promise<string>;

export interface WorkspaceOptions {
  client: Client;
  taskRun: TaskRun;
  taskSpec: TaskSpec;
  /** For emptyDir, configMap and secret. */
  scratch: string;
  volumes: VolumeDirectory;
}

/**
 * Makes every bound workspace of a TaskRun a directory: claims where their data is, config maps and secrets as files.
 * @throws TaskError naming the workspace and what it lacks
 */
export async function workspaceDirectories(options: WorkspaceOptions): Promise<Map<string, string>> {
  const directories = new Map<string, string>();
  for (const binding of options.taskRun.spec.workspaces ?? []) {
    const root = await sourceDirectory(options, binding);
    const directory = binding.subPath === undefined ? root : await pathInside(root, binding.subPath);
    await mkdir(directory, { recursive: true });
    directories.set(binding.name, directory);
  }
  for (const workspace of options.taskSpec.workspaces ?? []) {
    if (workspace.optional !== true && !directories.has(workspace.name)) {
      throw new TaskError(`workspace "${workspace.name}" of the Task is not bound`);
    }
  }
  return directories;
}

async function sourceDirectory(options: WorkspaceOptions, binding: WorkspaceBinding): Promise<string> {
  const { client, scratch } = options;
  const where = `workspace "${binding.name}"`;
  const own = join(scratch, "workspaces", encodeURIComponent(binding.name));
  if (binding.persistentVolumeClaim !== undefined) {
    const claim = await read(
      client,
      PersistentVolumeClaim,
      options,
      binding.persistentVolumeClaim.claimName,
      where,
    );
    const directory = await options.volumes(claim);
    await mkdir(directory, { recursive: true });
    return directory;
  }
  await mkdir(own, { recursive: true, mode: 0o700 });
  if (binding.emptyDir !== undefined) return own;
  if (binding.configMap !== undefined) {
    const { data, binaryData } = await read(client, ConfigMap, options, binding.configMap.name, where);
    const files = new Map(Object.entries(data ?? {}).map(([key, text]) => [key, Buffer.from(text, "utf8")]));
    for (const [key, text] of Object.entries(binaryData ?? {})) files.set(key, Buffer.from(text, "base64"));
    return writeFiles(own, files, binding.configMap.items);
  }
  if (binding.secret !== undefined) {
    const { data } = await read(client, Secret, options, binding.secret.secretName, where);
    const files = new Map(
      Object.entries(data ?? {}).map(([key, text]) => [key, Buffer.from(text, "base64")]),
    );
    return writeFiles(own, files, binding.secret.items);
  }
  throw new TaskError(
    `${where} has a source that is not supported: use emptyDir, persistentVolumeClaim, configMap or secret`,
  );
}

async function read<T extends KubernetesObject>(
  client: Client,
  type: ResourceType<T>,
  { taskRun }: WorkspaceOptions,
  name: string,
  where: string,
): Promise<T> {
  const { namespace } = taskRun.metadata;
  try {
    return await client.get(type, { name, ...(namespace === undefined ? {} : { namespace }) });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    throw new TaskError(`${where} names the ${type.kind} ${namespace ?? ""}/${name}, which does not exist`, {
      cause: error,
    });
  }
}

async function writeFiles(
  directory: string,
  files: ReadonlyMap<string, Uint8Array>,
  items: { key: string; path: string }[] | undefined,
): Promise<string> {
  const entries = items?.map(({ key, path }) => [path, files.get(key)] as const) ?? [...files];
  for (const [path, content] of entries) {
    if (content === undefined) throw new TaskError(`no key for the file ${path}`);
    const file = await pathInside(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: 0o600 });
  }
  return directory;
}
