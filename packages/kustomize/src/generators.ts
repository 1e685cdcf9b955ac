import type { ConfigMapArgs, GeneratorOptions, SecretArgs } from "./kustomization.ts";
import { decodeText, loadKeyValues } from "./key-values.ts";
import type { Loader } from "./loader.ts";
import type { GeneratorBehavior } from "./resource.ts";
import { Resource } from "./resource.ts";
import type { ValueMap } from "./value.ts";
import { newMap } from "./value.ts";

/** Base64 of binary data is wrapped like this. */
const BASE64_LINE = 70;

/** The options of one generator, with the kustomization's `generatorOptions` filled in. */
function mergeGeneratorOptions(
  own: GeneratorOptions | undefined,
  global: GeneratorOptions | undefined,
): GeneratorOptions {
  return {
    labels: { ...global?.labels, ...own?.labels },
    annotations: { ...global?.annotations, ...own?.annotations },
    disableNameSuffixHash: own?.disableNameSuffixHash === true || global?.disableNameSuffixHash === true,
    immutable: own?.immutable === true || global?.immutable === true,
  };
}

/** A ConfigMap of a `configMapGenerator` entry. */
export function generateConfigMap(loader: Loader, args: ConfigMapArgs, global?: GeneratorOptions): Resource {
  const value = newObject("ConfigMap", args);
  const options = mergeGeneratorOptions(args.options, global);
  for (const { key, value: bytes } of loadKeyValues(loader, args, `configmap ${args.name ?? ""}`)) {
    const text = decodeText(bytes);
    if (text === undefined) mapIn(value, "binaryData")[key] = wrapBase64(bytes);
    else mapIn(value, "data")[key] = text;
  }
  return finish(value, args, options);
}

/** A Secret of a `secretGenerator` entry. */
export function generateSecret(loader: Loader, args: SecretArgs, global?: GeneratorOptions): Resource {
  const value = newObject("Secret", args);
  const options = mergeGeneratorOptions(args.options, global);
  value.type = args.type || "Opaque";
  for (const { key, value: bytes } of loadKeyValues(loader, args, `secret ${args.name ?? ""}`))
    mapIn(value, "data")[key] = wrapBase64(bytes);
  return finish(value, args, options);
}

function newObject(kind: string, args: ConfigMapArgs): ValueMap {
  if (!args.name) throw new Error(`a ${kind.toLowerCase()} must have a name`);
  const metadata = newMap({ name: args.name });
  if (args.namespace) metadata.namespace = args.namespace;
  return newMap({ apiVersion: "v1", kind, metadata });
}

function mapIn(value: ValueMap, field: string): ValueMap {
  const present = value[field];
  if (typeof present === "object" && present !== null && !Array.isArray(present)) return present;
  const created = newMap();
  value[field] = created;
  return created;
}

function finish(value: ValueMap, args: ConfigMapArgs, options: GeneratorOptions): Resource {
  const metadata = mapIn(value, "metadata");
  for (const field of ["labels", "annotations"] as const) {
    const pairs = options[field] ?? {};
    if (Object.keys(pairs).length > 0) metadata[field] = newMap(pairs);
  }
  if (options.immutable === true) value.immutable = true;
  const resource = new Resource(value);
  resource.needsHash = options.disableNameSuffixHash !== true;
  resource.behavior = parseBehavior(args.behavior);
  return resource;
}

/** Unknown words count as not given, as in kustomize. */
function parseBehavior(behavior: string | undefined): GeneratorBehavior {
  return behavior === "create" || behavior === "merge" || behavior === "replace" ? behavior : "unspecified";
}

function wrapBase64(bytes: Uint8Array): string {
  const encoded = Buffer.from(bytes).toString("base64");
  if (encoded.length <= BASE64_LINE) return encoded;
  const lines: string[] = [];
  for (let at = 0; at < encoded.length; at += BASE64_LINE) lines.push(encoded.slice(at, at + BASE64_LINE));
  return `${lines.join("\n")}\n`;
}
