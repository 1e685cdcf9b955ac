import { type ListMeta, type UnstructuredObject } from "@ai-edge/apimachinery";
import type { Column, Resource } from "../resources/resource.ts";

export interface TableOptions {
  readonly meta: ListMeta | { resourceVersion: string | undefined };
  readonly now: Date;
  /** The meta.k8s.io version asked for. */
  readonly version: string;
  /** What of the object each row carries. */
  readonly include: "None" | "Metadata" | "Object";
}

/** `meta.k8s.io` Table of objects, as `kubectl get` prints it. */
export function tableOf(
  resource: Resource,
  objects: readonly UnstructuredObject[],
  options: TableOptions,
): Record<string, unknown> {
  const { columns } = resource;
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata: options.meta,
    columnDefinitions: columns.map((column) => definitionOf(column)),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, options.now)),
      ...rowObject(object, options),
    })),
  };
}

function definitionOf(column: Column): Record<string, unknown> {
  const { name, type, format = "", description = "", priority = 0 } = column;
  return { name, type, format, description, priority };
}

function rowObject(object: UnstructuredObject, options: TableOptions): Record<string, unknown> {
  if (options.include === "None") return {};
  if (options.include === "Object") return { object };
  const { metadata } = object;
  return {
    object: { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${options.version}`, metadata },
  };
}
