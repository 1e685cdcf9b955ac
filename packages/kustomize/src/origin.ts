import { emitDocument } from "./yaml-emitter.ts";
import type { ValueMap } from "./value.ts";
import { newMap } from "./value.ts";

/** Where a resource came from or what changed it (`buildMetadata: [originAnnotations, transformerAnnotations]`). */
export interface Origin {
  /** Path of the file, relative to the directory that is built or to the root of `repo`. */
  readonly path?: string;
  readonly repo?: string;
  readonly ref?: string;
  /** Path of the kustomization that configures the generator or transformer. */
  readonly configuredIn?: string;
  readonly configuredBy?: ValueMap;
}

function originValue(origin: Origin): ValueMap {
  const value = newMap();
  if (origin.configuredBy !== undefined) value.configuredBy = origin.configuredBy;
  if (origin.configuredIn !== undefined) value.configuredIn = origin.configuredIn;
  if (origin.path !== undefined) value.path = origin.path;
  if (origin.ref !== undefined) value.ref = origin.ref;
  if (origin.repo !== undefined) value.repo = origin.repo;
  return value;
}

/** The text of the annotation `config.kubernetes.io/origin`. */
export function formatOrigin(origin: Origin): string {
  return emitDocument(originValue(origin));
}

/** The text of the annotation `alpha.config.kubernetes.io/transformations`. */
export function formatTransformations(transformations: readonly Origin[]): string {
  return emitDocument(transformations.map(originValue));
}
