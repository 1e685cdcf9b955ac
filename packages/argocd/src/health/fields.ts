import { type Condition, isJsonObject, type JsonObject } from "@ai-edge/apimachinery";

/** The fields of what should be an object; none if it is not. */
export function fieldsOf(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** A number, or a fallback: absent counters mean zero, absent `replicas` one. */
export function numberOf(value: unknown, fallback = 0): number {
  return typeof value === "number" ? value : fallback;
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The well-formed conditions of a status. */
export function conditionsOf(status: unknown): Condition[] {
  return listOf(fieldsOf(status)["conditions"]).flatMap((condition): Condition[] => {
    const { type, status: state, reason, message } = fieldsOf(condition);
    if (typeof type !== "string" || (state !== "True" && state !== "False" && state !== "Unknown")) return [];
    return [{ type, status: state, reason: textOf(reason), message: textOf(message) }];
  });
}
