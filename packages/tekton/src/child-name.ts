import { createHash } from "node:crypto";

/** Length of a DNS label, and of the hash in it. */
const LONGEST = 63;
const HEAD = LONGEST - 32;

/**
 * The name of a child object as knative.dev/pkg/kmeta.ChildName makes it: `<parent><suffix>`, with the parent's rest
 * replaced by its MD5 when that is longer than 63 characters. Upstream's names, so that scripts find the same objects.
 */
export function childName(parent: string, suffix: string): string {
  if (parent.length <= LONGEST - suffix.length) return parent + suffix;
  if (HEAD - suffix.length > 0) return `${parent.slice(0, HEAD - suffix.length)}${md5(parent)}${suffix}`;
  const name = `${parent.slice(0, HEAD)}${md5(parent + suffix)}`;
  return `${name}${suffix.slice(0, Math.max(0, LONGEST - name.length))}`.replace(/[^a-z0-9]+$/, "");
}

/** The claim that Tekton makes for a workspace's `volumeClaimTemplate`: one per workspace and run. */
export function claimName(prefix: string | undefined, workspace: string, ownerUid: string): string {
  const hash = createHash("sha256").update(workspace).update(ownerUid).digest("hex").slice(0, 10);
  return `${prefix === undefined || prefix === "" ? "pvc" : prefix}-${hash}`;
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
