import type { Deployment, PodTemplateSpec, ReplicaSet } from "@ai-edge/api";
import { expect, it } from "vitest";
import { findNewReplicaSet, podTemplateHash } from "./template-hash.ts";

const template: PodTemplateSpec = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "c", image: "i", securityContext: { runAsUser: 0 } }] },
};
const variant = (change: (template: PodTemplateSpec) => void): PodTemplateSpec => {
  const copy = structuredClone(template);
  change(copy);
  return copy;
};

it("is made of characters that spell no words, and changes with the template and the collision count", () => {
  const hashes = [
    podTemplateHash(template, undefined),
    podTemplateHash(template, 1),
    podTemplateHash(
      variant(({ spec }) => (spec.hostname = "h")),
      undefined,
    ),
  ];
  expect(new Set(hashes).size).toBe(3);
  for (const hash of hashes) expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
});

it.each<[string, boolean, PodTemplateSpec]>([
  [
    "the hash label",
    true,
    variant(({ metadata }) => (metadata!.labels = { app: "web", "pod-template-hash": "x" })),
  ],
  ["flags that are off", true, variant(({ spec }) => (spec.hostNetwork = false))],
  ["flags that are on", false, variant(({ spec }) => (spec.hostNetwork = true))],
  [
    "a flag whose absence means something else",
    false,
    variant(({ spec }) => (spec.automountServiceAccountToken = false)),
  ],
  ["a user id of 0", false, variant(({ spec }) => delete spec.containers[0]!.securityContext)],
  ["an annotation", false, variant(({ metadata }) => (metadata!.annotations = { restarted: "now" }))],
])("finds the ReplicaSet despite of %s: %s", (_, same, other) => {
  const spec = { selector: { matchLabels: { app: "web" } } };
  const deployment: Deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: { ...spec, template },
  };
  const replicaSet: ReplicaSet = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "web-1" },
    spec: { ...spec, template: other },
  };
  expect(findNewReplicaSet(deployment, [replicaSet]) === replicaSet).toBe(same);
  expect(podTemplateHash(other, undefined) === podTemplateHash(template, undefined)).toBe(same);
});
