import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, sep } from "node:path";

import type { Container, KeyToPath, Volume } from "@ai-edge/api";

import type { Mount } from "../runtimes/runtime.ts";
import { ConfigurationError } from "./configuration-error.ts";
import { fieldValue, type PodFacts } from "./environment.ts";
import type { KeyedContent, ReferenceReader } from "./references.ts";

/** core/v1's default mode of files in ConfigMap and Secret volumes. */
const DEFAULT_MODE = 0o644;

export interface VolumeOptions {
  references: ReferenceReader;
  /** The directory of a PersistentVolumeClaim on this machine. */
  claimDirectory: (claim: { namespace: string; name: string }) => Promise<string>;
  /** A token for a projected serviceAccountToken. */
  serviceAccountToken?:
    | ((request: {
        namespace: string;
        name: string;
        audience?: string;
        expirationSeconds?: number;
      }) => Promise<string>)
    | undefined;
}

/**
 * Puts a pod's volumes on disk.
 * @param directory the pod's own directory
 * @returns each volume's directory by name
 * @throws ConfigurationError for a reference to what is not there, or a kind of volume that this node does not have
 */
export async function prepareVolumes(
  directory: string,
  facts: PodFacts,
  options: VolumeOptions,
): Promise<Map<string, string>> {
  const volumes = new Map<string, string>();
  for (const volume of facts.pod.spec.volumes ?? []) {
    const own = join(directory, "volumes", volume.name);
    volumes.set(volume.name, await prepareVolume(volume, own, facts, options));
  }
  return volumes;
}

/** What a container sees of the pod's volumes. @throws ConfigurationError for a mount of an unknown volume */
export function mountsOf(container: Container, volumes: ReadonlyMap<string, string>): Mount[] {
  return (container.volumeMounts ?? []).map(({ name, mountPath, subPath, readOnly }) => {
    const source = volumes.get(name);
    if (source === undefined)
      throw new ConfigurationError(
        `container ${container.name}: volumeMounts names "${name}", which is no volume of the pod`,
      );
    return {
      source: subPath === undefined ? source : insideOf(source, subPath),
      target: normalize(mountPath),
      readOnly: readOnly === true,
    };
  });
}

async function prepareVolume(
  volume: Volume,
  own: string,
  facts: PodFacts,
  options: VolumeOptions,
): Promise<string> {
  const namespace = facts.pod.metadata.namespace ?? "";
  const { references } = options;
  if (volume.emptyDir !== undefined) {
    await mkdir(own, { recursive: true, mode: 0o777 });
    return own;
  }
  if (volume.persistentVolumeClaim !== undefined)
    return options.claimDirectory({ namespace, name: volume.persistentVolumeClaim.claimName });
  if (volume.configMap !== undefined) {
    const { name = "", items, defaultMode, optional } = volume.configMap;
    return writeContent(
      own,
      selectItems(await references.configMap(namespace, name, optional === true), items, `configmap ${name}`),
      defaultMode,
    );
  }
  if (volume.secret !== undefined) {
    const { secretName = "", items, defaultMode, optional } = volume.secret;
    return writeContent(
      own,
      selectItems(
        await references.secret(namespace, secretName, optional === true),
        items,
        `secret ${secretName}`,
      ),
      defaultMode,
    );
  }
  if (volume.projected !== undefined)
    return writeContent(own, await projectedContent(volume, facts, options), volume.projected.defaultMode);
  if (volume.downwardAPI !== undefined)
    return writeContent(
      own,
      downwardContent(volume.downwardAPI.items, facts),
      volume.downwardAPI.defaultMode,
    );
  const kind = Object.keys(volume).find((field) => field !== "name") ?? "without a source";
  throw new ConfigurationError(`volume "${volume.name}": ${kind} is not supported on this node`);
}

async function projectedContent(
  volume: Volume,
  facts: PodFacts,
  { references, serviceAccountToken }: VolumeOptions,
): Promise<KeyedContent> {
  const namespace = facts.pod.metadata.namespace ?? "";
  const content: KeyedContent = new Map();
  for (const { configMap, secret, downwardAPI, serviceAccountToken: token } of volume.projected?.sources ??
    []) {
    const parts: (KeyedContent | undefined)[] = [
      configMap &&
        selectItems(
          await references.configMap(namespace, configMap.name ?? "", configMap.optional === true),
          configMap.items,
          `configmap ${configMap.name}`,
        ),
      secret &&
        selectItems(
          await references.secret(namespace, secret.name ?? "", secret.optional === true),
          secret.items,
          `secret ${secret.name}`,
        ),
      downwardAPI && downwardContent(downwardAPI.items, facts),
    ];
    for (const part of parts) for (const [path, bytes] of part ?? []) content.set(path, bytes);
    if (token !== undefined && serviceAccountToken !== undefined) {
      const { audience, expirationSeconds } = token;
      const name = facts.pod.spec.serviceAccountName ?? "default";
      const request = {
        namespace,
        name,
        ...(audience === undefined ? {} : { audience }),
        ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
      };
      content.set(token.path, Buffer.from(await serviceAccountToken(request)));
    }
  }
  return content;
}

function downwardContent(items: Record<string, unknown>[] | undefined, facts: PodFacts): KeyedContent {
  const content: KeyedContent = new Map();
  for (const { path, fieldRef } of items ?? []) {
    if (
      typeof path !== "string" ||
      typeof fieldRef !== "object" ||
      fieldRef === null ||
      !("fieldPath" in fieldRef)
    ) {
      throw new ConfigurationError(
        "volume of kind downwardAPI: only items with path and fieldRef are supported on this node",
      );
    }
    content.set(path, Buffer.from(fieldValue(String(fieldRef.fieldPath), facts)));
  }
  return content;
}

/** All keys under their own names, or the chosen ones under theirs. */
function selectItems(
  content: KeyedContent | undefined,
  items: KeyToPath[] | undefined,
  source: string,
): KeyedContent {
  if (content === undefined || items === undefined) return content ?? new Map();
  return new Map(
    items.map(({ key, path }) => {
      const bytes = content.get(key);
      if (bytes === undefined) throw new ConfigurationError(`${source} has no key ${key}`);
      return [path, bytes];
    }),
  );
}

/** Replaces a volume's content as a whole: written beside, then swapped in. */
async function writeContent(
  directory: string,
  content: KeyedContent,
  mode: number = DEFAULT_MODE,
): Promise<string> {
  const next = `${directory}.next`;
  await rm(next, { recursive: true, force: true });
  await mkdir(next, { recursive: true, mode: 0o755 });
  for (const [path, bytes] of content) {
    const file = insideOf(next, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    await chmod(file, mode);
  }
  await rm(directory, { recursive: true, force: true });
  await rename(next, directory);
  return directory;
}

/** A path below a directory. @throws ConfigurationError if it would leave it */
function insideOf(directory: string, path: string): string {
  const joined = join(directory, path);
  if (isAbsolute(path) || !(joined === directory || joined.startsWith(directory + sep))) {
    throw new ConfigurationError(`path "${path}" leads out of its volume`);
  }
  return joined;
}

/** Removes everything that the pod had on disk, except what belongs to claims. */
export async function removePodDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
