import { formatId } from "./gvk.ts";
import type { JsonPatchOperation } from "./json-patch.ts";
import { applyJsonPatch, parseJsonPatch } from "./json-patch.ts";
import type { PatchArgs } from "./kustomization.ts";
import type { Loader } from "./loader.ts";
import type { MergeSchema } from "./merge-schema.ts";
import { schemaOf } from "./merge-schema.ts";
import { parseResources } from "./resource-parser.ts";
import type { ResourceMap } from "./resource-map.ts";
import type { Resource } from "./resource.ts";
import { compileSelector } from "./selector.ts";
import { strategicMerge } from "./strategic-merge.ts";
import { isMap } from "./value.ts";

interface PatchContext {
  readonly schema: MergeSchema;
  readonly warn: (message: string) => void;
}

/** One entry of `patches`: a strategic merge patch or a JSON patch, told apart by its content. */
export function applyPatch(map: ResourceMap, args: PatchArgs, loader: Loader, context: PatchContext): void {
  const text = patchText(args, loader);
  const parsed = parsePatch(text, args);
  if (parsed.kind === "json") {
    if (args.target === undefined)
      throw new Error(`must specify a target for JSON patch ${describe(text, args)}`);
    const matches = compileSelector(args.target);
    for (const resource of map.resources) if (matches(resource)) applyJson(resource, parsed.operations, args);
    return;
  }
  if (args.target === undefined) {
    for (const patch of parsed.patches) applyToOriginal(map, patch, context);
  } else {
    const [patch] = parsed.patches;
    if (patch === undefined) return;
    if (parsed.patches.length > 1) {
      throw new Error(
        `Multiple Strategic-Merge Patches in one \`patches\` entry is not allowed to set \`patches.target\` field: ${describe(text, args)}`,
      );
    }
    const matches = compileSelector(args.target);
    const selected = map.resources.filter(matches);
    for (const resource of selected) applyStrategic(resource, patch, context, true);
  }
  dropEmpty(map);
}

/** One entry of `patchesStrategicMerge`: a file or inline YAML of one or more patches. */
export function applyStrategicPatches(
  map: ResourceMap,
  patches: readonly Resource[],
  context: PatchContext,
): void {
  for (const patch of patches) applyToOriginal(map, patch, context);
  dropEmpty(map);
}

/** One entry of `patchesJson6902`: its target is one object, by id. */
export function applyJsonPatchToOne(map: ResourceMap, args: PatchArgs, loader: Loader): void {
  const { target } = args;
  if (target === undefined) throw new Error("must specify the target of a patchesJson6902 entry");
  const id = {
    group: target.group ?? "",
    version: target.version ?? "",
    kind: target.kind ?? "",
    name: target.name ?? "",
    namespace: target.namespace ?? "",
  };
  if (id.name === "") throw new Error("must specify the target name");
  if (Boolean(args.path) === Boolean(args.patch)) {
    throw new Error("must specify a file path or a json patch, and not both");
  }
  const text = args.path ? loader.readText(args.path) : (args.patch ?? "");
  const operations = parseJsonPatch(text);
  if (operations.length === 0)
    throw new Error(`patch appears to be empty; file=${args.path ?? ""}, JsonOp=${text}`);
  const matches = map.byAnyId(id);
  const [resource] = matches;
  if (resource === undefined || matches.length > 1) {
    throw new Error(
      `${matches.length === 0 ? "no" : "multiple"} matches for Id ${formatId(id)}; failed to find unique target for patch ${formatId(id)}`,
    );
  }
  applyJson(resource, operations, args);
}

function patchText(args: PatchArgs, loader: Loader): string {
  if (args.path && args.patch) throw new Error("patch and path can't be set at the same time");
  if (!args.path && !args.patch) throw new Error("must specify one of patch and path in PatchTransformer");
  if (!args.path) return args.patch ?? "";
  try {
    return loader.readText(args.path);
  } catch (error) {
    throw new Error(`failed to get the patch file from path(${args.path}): ${messageOf(error)}`, {
      cause: error,
    });
  }
}

type ParsedPatch =
  | { readonly kind: "json"; readonly operations: readonly JsonPatchOperation[] }
  | { readonly kind: "strategic"; readonly patches: readonly Resource[] };

function parsePatch(text: string, args: PatchArgs): ParsedPatch {
  let operations: JsonPatchOperation[] | undefined;
  try {
    operations = parseJsonPatch(text);
  } catch {
    operations = undefined;
  }
  if (operations !== undefined && operations.length > 0) return { kind: "json", operations };
  try {
    const patches = parseResources(text);
    for (const patch of patches) {
      patch.nameChangeAllowed = args.options?.allowNameChange === true;
      patch.kindChangeAllowed = args.options?.allowKindChange === true;
    }
    return { kind: "strategic", patches };
  } catch (error) {
    throw new Error(`unable to parse SM or JSON patch from ${describe(text, args)}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function describe(text: string, args: PatchArgs): string {
  return args.path ? `[path: ${JSON.stringify(args.path)}]` : `[patch: ${JSON.stringify(text)}]`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function applyJson(resource: Resource, operations: readonly JsonPatchOperation[], args: PatchArgs): void {
  resource.rememberId();
  try {
    applyJsonPatch(resource.value, operations);
  } catch (error) {
    const source = args.path ? ` (patch ${args.path})` : "";
    throw new Error(`${messageOf(error)}; target: ${formatId(resource.originalId)}${source}`, {
      cause: error,
    });
  }
  resource.changed();
}

function applyToOriginal(map: ResourceMap, patch: Resource, context: PatchContext): void {
  const matches = map.byAnyId(patch.id);
  const [target] = matches;
  const id = formatId(patch.id);
  if (target === undefined || matches.length > 1) {
    const found = target === undefined ? "no" : "multiple";
    throw new Error(
      `no resource matches strategic merge patch "${id}": ${found} matches for Id ${id}; failed to find unique target for patch ${id}`,
    );
  }
  applyStrategic(target, patch, context, false);
}

function applyStrategic(target: Resource, patch: Resource, context: PatchContext, toSelected: boolean): void {
  const copy = patch.clone().value;
  const { name, namespace, kind } = target;
  if (toSelected) copy.apiVersion = target.value.apiVersion ?? "";
  if (patch.nameChangeAllowed || patch.kindChangeAllowed) target.rememberId();
  const merged = wrap(target, () =>
    strategicMerge(target.value, copy, schemaOf(context.schema, target.value), (message) =>
      context.warn(`${message} Object: ${formatId(target.originalId)}`),
    ),
  );
  if (merged === undefined || Object.keys(merged).length === 0) {
    for (const key of Object.keys(target.value)) delete target.value[key];
    target.changed();
    return;
  }
  target.value = merged;
  if (!patch.kindChangeAllowed) target.setKind(kind);
  if (!patch.nameChangeAllowed) target.setName(name);
  if (isMap(merged.metadata)) target.setNamespace(namespace);
}

function wrap<T>(target: Resource, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Error(`${messageOf(error)}; target: ${formatId(target.originalId)}`, { cause: error });
  }
}

function dropEmpty(map: ResourceMap): void {
  if (map.resources.some((resource) => resource.isEmpty)) {
    map.replaceAll(map.resources.filter((resource) => !resource.isEmpty));
  }
}
