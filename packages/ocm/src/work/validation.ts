import type { ManifestWork } from "@ai-edge/api";

/**
 * Why a work is refused; undefined if it is not. Upstream's webhook refuses the same at the hub, which an embedded hub
 * does not have: an emptied work must not empty the site.
 */
export function invalidReason(work: ManifestWork): string | undefined {
  const manifests = work.spec.workload?.manifests ?? [];
  if (manifests.length === 0)
    return "spec.workload.manifests is empty; to remove what the work applied, delete the work";
  const seen = new Map<string, number>();
  for (const [index, manifest] of manifests.entries()) {
    const field = `spec.workload.manifests[${index}]`;
    const { apiVersion, kind, metadata } = manifest;
    if (typeof apiVersion !== "string" || typeof kind !== "string")
      return `${field}: apiVersion and kind are required`;
    if (typeof metadata?.name !== "string" || metadata.name === "")
      return `${field}.metadata.name is required`;
    const id = JSON.stringify([apiVersion, kind, metadata.namespace ?? "", metadata.name]);
    const first = seen.get(id);
    if (first !== undefined)
      return `${field} is the same object as manifests[${first}]: ${kind} ${metadata.name}`;
    seen.set(id, index);
  }
  return undefined;
}
