import type { ApplicationSourceKustomize } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";

/** Renders the kustomization in a directory, with `source.kustomize` laid over it. @throws SourceError */
export function renderKustomization(
  _root: string,
  _directory: string,
  _options: ApplicationSourceKustomize | undefined,
): { manifests: UnstructuredObject[]; warnings: string[] } {
  throw new Error("not yet");
}
