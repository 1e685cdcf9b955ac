import { formatTime } from "./condition.ts";
import type { FieldSchema } from "./field-schema.ts";
import {
  checkFieldSet,
  isEmptySet,
  subtractSets,
  unionSets,
  withoutMember,
  withoutPath,
  type FieldSet,
} from "./field-set.ts";
import { compareFields, type Comparison } from "./field-walk.ts";
import { fieldOf, isJsonObject, valueAt, type JsonObject } from "./json.ts";
import type { ManagedFieldsEntry } from "./object.ts";
import { statusError } from "./status.ts";

/** Who writes: entries are kept per manager, operation, subresource and, for updates, version. */
export interface FieldWriter {
  manager: string;
  apiVersion: string;
  /** Absent for the main resource. */
  subresource?: string | undefined;
  now: Date;
}

/** Fields that the server owns: never tracked (`stripMeta`). Their parents stay. */
const SERVER_FIELDS = [
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "generation",
  "managedFields",
  "resourceVersion",
];
/** Entries of `Update` per object; older ones are united (`managedfields.DefaultMaxUpdateManagers`). */
const MAX_UPDATE_MANAGERS = 10;
const ANCIENT_MANAGER = "ancient-changes";
/** Bound on what a client may send as a manager's name (`FieldManagerMaxLength`). */
export const MAX_FIELD_MANAGER_LENGTH = 128;

/**
 * The managedFields of an object that is created, updated or patched (anything but applied): the writer owns what it
 * changed, others lose it. `updated` already has its defaults.
 * @param live absent on create
 * @param ignored field paths that this endpoint resets, e.g. `[["status"]]` on the main resource
 */
export function updateManagedFields(
  live: JsonObject | undefined,
  updated: JsonObject,
  schema: FieldSchema | undefined,
  writer: FieldWriter,
  ignored: readonly (readonly string[])[] = [],
): ManagedFieldsEntry[] {
  const entries = startingEntries(live, updated);
  // An object whose ownership was never tracked, or was reset, stays so until somebody applies to it.
  if (live !== undefined && entries.length === 0) return [];
  const changes = compareFields(live === undefined ? {} : tracked(live), tracked(updated), schema);
  return recordUpdate(entries, strippedChanges(changes, ignored), writer);
}

/** The entries after an update with these changes. */
function recordUpdate(
  entries: readonly ManagedFieldsEntry[],
  changes: Comparison,
  writer: FieldWriter,
): ManagedFieldsEntry[] {
  const taken = unionSets(changes.added, changes.modified);
  if (isEmptySet(taken) && isEmptySet(changes.removed)) return [...entries];
  const lost = unionSets(taken, changes.removed);
  const own = entryOf(writer, "Update");
  let written = false;
  const next = entries.flatMap((entry): ManagedFieldsEntry[] => {
    if (!sameWriter(entry, own)) return withFields(entry, subtractSets(entry.fieldsV1, lost));
    written = true;
    const rest = subtractSets(entry.fieldsV1, changes.removed);
    if (isEmptySet(taken)) return withFields(entry, rest);
    return withFields({ ...entry, time: formatTime(writer.now) }, unionSets(rest, taken));
  });
  if (!written && !isEmptySet(taken)) next.push({ ...own, fieldsV1: taken });
  return sortEntries(capUpdateManagers(next));
}

function withFields(entry: ManagedFieldsEntry, fieldsV1: FieldSet): ManagedFieldsEntry[] {
  return isEmptySet(fieldsV1) ? [] : [{ ...entry, fieldsV1 }];
}

/** A new entry without fields. */
export function entryOf(writer: FieldWriter, operation: ManagedFieldsEntry["operation"]): ManagedFieldsEntry {
  return {
    manager: writer.manager,
    operation,
    apiVersion: writer.apiVersion,
    time: formatTime(writer.now),
    fieldsType: "FieldsV1",
    fieldsV1: {},
    ...(writer.subresource === undefined ? {} : { subresource: writer.subresource }),
  };
}

/** Whether two entries are one: appliers are told apart without their version (`BuildManagerIdentifier`). */
export function sameWriter(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    (a.subresource ?? "") === (b.subresource ?? "") &&
    (a.operation === "Apply" || a.apiVersion === b.apiVersion)
  );
}

/**
 * The entries that a write starts from: those that the client sent, if it sent any, else the live ones; an empty list
 * or one empty entry resets tracking.
 * @throws StatusError BadRequest for entries that are not managedFields
 */
function startingEntries(live: JsonObject | undefined, updated: JsonObject): ManagedFieldsEntry[] {
  const sent = valueAt(updated, ["metadata", "managedFields"]);
  if (Array.isArray(sent)) {
    const isReset =
      sent.length === 0 || (sent.length === 1 && isJsonObject(sent[0]) && Object.keys(sent[0]).length === 0);
    return isReset ? [] : sent.map(checkEntry);
  }
  return managedFieldsOf(live);
}

/** The stored entries of an object. */
export function managedFieldsOf(object: JsonObject | undefined): ManagedFieldsEntry[] {
  const entries = valueAt(object, ["metadata", "managedFields"]);
  return Array.isArray(entries) ? entries.filter(isEntry) : [];
}

function isEntry(entry: unknown): entry is ManagedFieldsEntry {
  const operation = fieldOf(entry, "operation");
  return (operation === "Apply" || operation === "Update") && isJsonObject(fieldOf(entry, "fieldsV1"));
}

function checkEntry(entry: unknown, index: number): ManagedFieldsEntry {
  const where = `metadata.managedFields[${index}]`;
  if (!isEntry(entry))
    throw statusError(
      "BadRequest",
      `${where}: needs operation Apply or Update, fieldsType FieldsV1 and fieldsV1`,
    );
  if (entry.fieldsType !== "FieldsV1")
    throw statusError("BadRequest", `${where}.fieldsType: Invalid value: must be \`FieldsV1\``);
  checkFieldSet(entry.fieldsV1);
  return entry;
}

/** An object without the list of its owners. */
export function tracked(object: JsonObject): JsonObject {
  const metadata = fieldOf(object, "metadata");
  if (!isJsonObject(metadata) || metadata["managedFields"] === undefined) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}

/** A set without the fields that are never owned. */
export function strippedSet(set: FieldSet, ignored: readonly (readonly string[])[]): FieldSet {
  let stripped = withoutMember(withoutPath(withoutPath(set, ["f:apiVersion"]), ["f:kind"]), ["f:metadata"]);
  for (const field of SERVER_FIELDS) stripped = withoutPath(stripped, ["f:metadata", `f:${field}`]);
  for (const path of ignored)
    stripped = withoutPath(
      stripped,
      path.map((field) => `f:${field}`),
    );
  return stripped;
}

export function strippedChanges(changes: Comparison, ignored: readonly (readonly string[])[]): Comparison {
  return {
    added: strippedSet(changes.added, ignored),
    modified: strippedSet(changes.modified, ignored),
    removed: strippedSet(changes.removed, ignored),
  };
}

/** Unites the oldest update entries per version, so that an object cannot grow with the number of its writers. */
export function capUpdateManagers(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const updates = entries.filter((entry) => entry.operation === "Update").sort(byTime);
  let excess = updates.length - MAX_UPDATE_MANAGERS;
  if (excess <= 0) return [...entries];
  const result = new Set(entries);
  const buckets = new Map<string, ManagedFieldsEntry>();
  for (const entry of updates) {
    if (excess <= 0) break;
    const bucket = buckets.get(entry.apiVersion);
    result.delete(entry);
    if (bucket !== undefined) result.delete(bucket);
    const united: ManagedFieldsEntry = {
      manager: ANCIENT_MANAGER,
      operation: "Update",
      apiVersion: entry.apiVersion,
      ...(entry.time === undefined ? {} : { time: entry.time }),
      fieldsType: "FieldsV1",
      fieldsV1: unionSets(bucket?.fieldsV1 ?? {}, entry.fieldsV1),
    };
    result.add(united);
    buckets.set(entry.apiVersion, united);
    // The first of a version only changes its name.
    if (bucket !== undefined) excess--;
  }
  return [...result];
}

/** Apply before Update, then by time, manager, version and subresource (`managedfields.sortEncodedManagedFields`). */
export function sortEntries(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  return [...entries].sort(
    (a, b) =>
      compareText(a.operation, b.operation) ||
      byTime(a, b) ||
      compareText(a.manager, b.manager) ||
      compareText(a.apiVersion, b.apiVersion) ||
      compareText(a.subresource ?? "", b.subresource ?? ""),
  );
}

function byTime(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return compareText(a.time ?? "", b.time ?? "");
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
