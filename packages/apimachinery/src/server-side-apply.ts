import { mergeApplied, pruneApplied } from "./apply-merge.ts";
import { deepEqual } from "./deep-equal.ts";
import type { FieldSchema } from "./field-schema.ts";
import {
  equalSets,
  formatFieldPath,
  intersectSets,
  isEmptySet,
  pathsOf,
  subtractSets,
  unionSets,
  type FieldSet,
} from "./field-set.ts";
import { compareFields, fieldSetOf } from "./field-walk.ts";
import { fieldOf, isJsonObject, type JsonObject } from "./json.ts";
import {
  capUpdateManagers,
  entryOf,
  managedFieldsOf,
  sameWriter,
  sortEntries,
  strippedChanges,
  strippedSet,
  tracked,
  type FieldWriter,
} from "./managed-fields.ts";
import type { ManagedFieldsEntry } from "./object.ts";
import { statusError, type StatusCause } from "./status.ts";

export interface ApplyRequest {
  /** The stored object with its managedFields; absent when the apply creates it. */
  live: JsonObject | undefined;
  /** What the manager wants: only the fields that it has an opinion about. */
  applied: JsonObject;
  schema: FieldSchema | undefined;
  writer: FieldWriter;
  /** Take fields that others own with another value, instead of failing. */
  force: boolean;
  /** Field paths that this endpoint does not write, e.g. `[["status"]]` on the main resource. */
  ignored?: readonly (readonly string[])[];
}

/** Owner of everything in an object that had no owners when it was first applied to. */
const BEFORE_FIRST_APPLY = "before-first-apply";

/**
 * Server-side apply: merges the configuration into the live object, removes what the manager applied before and nobody
 * owns any more, and keeps the books in `metadata.managedFields`. An apply that changes nothing returns `live` itself.
 * Defaults are filled in by the caller afterwards; nobody owns them.
 * @throws StatusError Conflict, naming the managers and fields, when others own changed fields and `force` is false;
 *   Invalid or BadRequest for a configuration that cannot be applied
 */
export function applyServerSide(request: ApplyRequest): JsonObject {
  const { live, schema, writer, ignored = [] } = request;
  const applied = configuration(request.applied, ignored);
  const base = live === undefined ? {} : tracked(live);
  const entries = startingEntries(live, base, request);
  const own = entryOf(writer, "Apply");
  const previous = entries.find((entry) => sameWriter(entry, own));
  const others = entries.filter((entry) => entry !== previous);
  const fields = strippedSet(fieldSetOf(applied, schema), ignored);

  let next = asObject(mergeApplied(base, applied, schema));
  if (previous !== undefined) {
    const owned = others.reduce((union, entry) => unionSets(union, entry.fieldsV1), fields);
    next = pruneApplied(next, schema, previous.fieldsV1, owned);
  }
  const changes = strippedChanges(compareFields(base, next, schema), ignored);
  const taken = unionSets(changes.added, changes.modified);
  if (!request.force) failOnConflict(others, taken);

  const lost = unionSets(taken, changes.removed);
  const kept = others.flatMap((entry): ManagedFieldsEntry[] => {
    const rest = subtractSets(entry.fieldsV1, lost);
    return isEmptySet(rest) ? [] : [{ ...entry, fieldsV1: rest }];
  });
  const sameFields =
    equalSets(previous?.fieldsV1 ?? {}, fields) &&
    (previous?.apiVersion ?? writer.apiVersion) === writer.apiVersion;
  if (live !== undefined && sameFields && kept.length === others.length && deepEqual(base, next)) return live;
  const current = isEmptySet(fields) ? [] : [{ ...own, fieldsV1: fields }];
  return withManagedFields(next, sortEntries(capUpdateManagers([...kept, ...current])));
}

function startingEntries(
  live: JsonObject | undefined,
  base: JsonObject,
  request: ApplyRequest,
): ManagedFieldsEntry[] {
  if (live === undefined) return [];
  const entries = managedFieldsOf(live);
  if (entries.length > 0) return entries;
  const writer = { ...request.writer, manager: BEFORE_FIRST_APPLY, subresource: undefined };
  const all = strippedSet(compareFields({}, base, request.schema).added, []);
  return isEmptySet(all) ? [] : [{ ...entryOf(writer, "Update"), fieldsV1: all }];
}

/** The configuration without what an endpoint does not write and what only the server may set. */
function configuration(applied: JsonObject, ignored: readonly (readonly string[])[]): JsonObject {
  const metadata = fieldOf(applied, "metadata");
  if (
    Array.isArray(fieldOf(metadata, "managedFields")) &&
    asList(fieldOf(metadata, "managedFields")).length > 0
  ) {
    throw statusError("BadRequest", "metadata.managedFields must be nil");
  }
  let result = applied;
  if (isJsonObject(metadata)) {
    const {
      managedFields: _,
      creationTimestamp: __,
      resourceVersion: ___,
      uid: ____,
      generation: _____,
      ...rest
    } = metadata;
    result = { ...applied, metadata: rest };
  }
  return ignored.reduce((object, path) => withoutValue(object, path), result);
}

function withoutValue(object: JsonObject, path: readonly string[]): JsonObject {
  const [field, ...rest] = path;
  if (field === undefined || !Object.hasOwn(object, field)) return object;
  const { [field]: value, ...others } = object;
  return rest.length === 0 || !isJsonObject(value)
    ? others
    : { ...others, [field]: withoutValue(value, rest) };
}

function withManagedFields(object: JsonObject, managedFields: readonly ManagedFieldsEntry[]): JsonObject {
  return { ...object, metadata: { ...asObject(fieldOf(object, "metadata")), managedFields } };
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function failOnConflict(others: readonly ManagedFieldsEntry[], taken: FieldSet): void {
  const conflicts = others.flatMap((entry) =>
    pathsOf(intersectSets(entry.fieldsV1, taken)).map((path) => ({
      manager: describe(entry),
      field: formatFieldPath(path),
    })),
  );
  if (conflicts.length === 0) return;
  const causes: StatusCause[] = conflicts.map(({ manager, field }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${manager}`,
    field,
  }));
  throw statusError("Conflict", conflictMessage(conflicts), { causes });
}

/** kubectl shows this text as it is; its shape is upstream's (`managedfields/internal/conflict.go`). */
function conflictMessage(conflicts: readonly { manager: string; field: string }[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${first.manager}: ${first.field}`;
  }
  const managers = [...new Set(conflicts.map(({ manager }) => manager))].sort();
  const lines = managers.flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...conflicts.filter((conflict) => conflict.manager === manager).map(({ field }) => `- ${field}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}

function describe(entry: ManagedFieldsEntry): string {
  const subresource =
    entry.subresource === undefined ? "" : ` with subresource ${JSON.stringify(entry.subresource)}`;
  const name = `${JSON.stringify(entry.manager)}${subresource}`;
  if (entry.operation === "Apply") return name;
  return `${name} using ${entry.apiVersion}${entry.time === undefined ? "" : ` at ${entry.time}`}`;
}
