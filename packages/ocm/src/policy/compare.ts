/** The compare semantics of configuration policies (upstream: CPC controllers/configurationpolicy_utils.go). */
import { deepEqual } from "@ai-edge/apimachinery";

/** `musthave`: every wanted field is there; every wanted list item matches some item, whatever the order. */
export function hasAll(wanted: unknown, live: unknown): boolean {
  if (isEmpty(wanted)) return isEmpty(live) || typeof wanted === typeof live;
  if (Array.isArray(wanted))
    return Array.isArray(live) && wanted.every((item) => live.some((other) => hasAll(item, other)));
  if (isRecord(wanted)) {
    return isRecord(live) && Object.entries(wanted).every(([name, value]) => hasAll(value, live[name]));
  }
  return deepEqual(wanted, live);
}

/** What `musthave` makes of an object: wanted fields win, list items with a name are merged by it, others are added. */
export function mergeWanted(live: unknown, wanted: unknown): unknown {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(live)) return wanted;
    return wanted.reduce<unknown[]>((items, item) => mergeItem(items, item), [...live]);
  }
  if (!isRecord(wanted) || !isRecord(live)) return wanted;
  const merged: Record<string, unknown> = { ...live };
  for (const [name, value] of Object.entries(wanted)) merged[name] = mergeWanted(live[name], value);
  return merged;
}

/** `mustonlyhave`: the fields that are wanted are exactly as wanted; others of the object stay. */
export function hasExactly(wanted: Record<string, unknown>, live: Record<string, unknown>): boolean {
  return Object.entries(wanted).every(([name, value]) => deepEqual(value, live[name]));
}

function mergeItem(items: unknown[], wanted: unknown): unknown[] {
  if (items.some((item) => hasAll(wanted, item))) return items;
  const name = isRecord(wanted) ? wanted["name"] : undefined;
  const index = name === undefined ? -1 : items.findIndex((item) => isRecord(item) && item["name"] === name);
  if (index < 0) return [...items, wanted];
  return items.map((item, at) => (at === index ? mergeWanted(item, wanted) : item));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (isRecord(value) && Object.keys(value).length === 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
