import type { Pod, PodTemplateSpec } from "@ai-edge/api";
import { podTemplateHash } from "./deployment/template-hash.ts";

/** The label by which pods of StatefulSets and DaemonSets tell the template that they were made from. */
const LABEL_REVISION = "controller-revision-hash";

/** The revision of a template; part of object names in upstream, hence its form. */
export function revisionOf(template: PodTemplateSpec): string {
  return podTemplateHash(template, undefined);
}

/** The label to put on a pod of a revision. */
export function revisionLabel(revision: string): Record<string, string> {
  return { [LABEL_REVISION]: revision };
}

/** True if the pod was made from the template of the revision. */
export function isOfRevision(pod: Pod, revision: string): boolean {
  return pod.metadata.labels?.[LABEL_REVISION] === revision;
}
