import { deepEqual, isJsonObject } from "@ai-edge/apimachinery";
import {
  type Deployment,
  LABEL_POD_TEMPLATE_HASH,
  type PodTemplateSpec,
  type ReplicaSet,
} from "@ai-edge/api";

/** `apimachinery/pkg/util/rand` SafeEncodeString: no vowels, so that no hash spells a word. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The hash that names the ReplicaSet of a template: FNV-1a over the canonical JSON, with upstream's alphabet. Upstream
 * hashes Go's memory layout, so the values differ from kube-controller-manager's; both find existing ReplicaSets by
 * comparing templates, not hashes.
 */
export function podTemplateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  let hash = FNV_OFFSET;
  const text =
    canonicalJson(withoutHash(template)) + (collisionCount === undefined ? "" : String(collisionCount));
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return Array.from(String(hash), (digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length]).join("");
}

/** The ReplicaSet whose template is the Deployment's, apart from the hash label; the oldest if there are several. */
export function findNewReplicaSet(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec.template);
  return byCreation(replicaSets).find(
    ({ spec }) => spec.template !== undefined && deepEqual(withoutHash(spec.template), wanted),
  );
}

/** Oldest first; by name when made in the same second. */
export function byCreation(replicaSets: readonly ReplicaSet[]): ReplicaSet[] {
  return [...replicaSets].sort((a, b) => {
    const [left, right] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
    if (left !== right) return left < right ? -1 : 1;
    return a.metadata.name < b.metadata.name ? -1 : 1;
  });
}

/**
 * Flags of the pod and container types that Go cannot tell from absent, so that a server may store either: kubectl's
 * protobuf spells out the false ones, which its JSON leaves out.
 */
const FALSE_IS_ABSENT = new Set([
  "hostNetwork",
  "hostPID",
  "hostIPC",
  "stdin",
  "stdinOnce",
  "tty",
  "readOnly",
]);

/** A template without what does not tell two apart: the hash, empty labels, flags that are off. */
function withoutHash(template: PodTemplateSpec): unknown {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const { [LABEL_POD_TEMPLATE_HASH]: _, ...otherLabels } = labels ?? {};
  const metadata = { labels: otherLabels, annotations: annotations ?? {}, finalizers: finalizers ?? [] };
  return { metadata, spec: normalized(template.spec) };
}

function normalized(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalized);
  if (!isJsonObject(value)) return value;
  const fields = Object.entries(value).filter(
    ([name, field]) => field !== null && !(field === false && FALSE_IS_ABSENT.has(name)),
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, normalized(field)]));
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (!isJsonObject(value)) return JSON.stringify(value) ?? "null";
  const fields = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${fields.join(",")}}`;
}
