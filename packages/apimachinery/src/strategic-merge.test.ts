import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "./json.ts";
import { builtInSchema } from "./merge-keys.ts";
import { applyStrategicMerge } from "./strategic-merge.ts";

/** One line of `strategic-merge.cases.jsonl`; the expected results are those of `kubectl patch --local` 1.32.4. */
interface Case {
  name: string;
  kind: string;
  /** Whether the fragments are a spec or a whole object. */
  at: "spec" | "object";
  original: JsonObject;
  patch: JsonObject;
  expected: JsonObject;
}

const CASES = readFileSync(new URL("strategic-merge.cases.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line): Case => JSON.parse(line));

const GROUPS: Readonly<Record<string, string>> = {
  Deployment: "apps",
  StatefulSet: "apps",
  CronJob: "batch",
  Job: "batch",
  Ingress: "networking.k8s.io",
  PodDisruptionBudget: "policy",
  Role: "rbac.authorization.k8s.io",
  RoleBinding: "rbac.authorization.k8s.io",
  EndpointSlice: "discovery.k8s.io",
  ValidatingWebhookConfiguration: "admissionregistration.k8s.io",
};

function patched(kind: string, original: JsonObject, patch: JsonObject): JsonObject {
  return applyStrategicMerge(original, patch, builtInSchema(GROUPS[kind] ?? "", kind));
}

describe("applyStrategicMerge, as kubectl", () => {
  test.each(CASES)("$kind: $name", ({ kind, at, original, patch, expected }) => {
    const before = structuredClone(original);
    const result =
      at === "spec" ? patched(kind, { spec: original }, { spec: patch }) : patched(kind, original, patch);
    expect(result).toEqual(at === "spec" ? { spec: expected } : expected);
    expect(original).toEqual(before);
  });
});

test("nulls and directives in new values do not stay", () => {
  const patch = {
    containers: [
      { name: "b", workingDir: null, env: [{ name: "A", $patch: "delete" }], "$setElementOrder/env": [] },
    ],
  };
  expect(patched("Pod", { spec: { containers: [] } }, { spec: patch })).toEqual({
    spec: { containers: [{ name: "b", env: [] }] },
  });
});

test("without merge rules a list is replaced", () => {
  expect(
    applyStrategicMerge(
      { spec: { containers: [{ name: "a" }] } },
      { spec: { containers: [{ name: "b" }] } },
      undefined,
    ),
  ).toEqual({ spec: { containers: [{ name: "b" }] } });
});

test.each([
  ["an unknown directive", { securityContext: { $patch: "drop" } }, 'unknown patch type found: "drop"'],
  [
    "an element without its key",
    { containers: [{ image: "x" }] },
    '.spec.containers: map: {"image":"x"} does not contain declared merge key: name',
  ],
  ["an element that is no object", { containers: ["x"] }, "an element of the patch is not an object"],
  [
    "an order that contradicts the patch",
    {
      "$setElementOrder/containers": [{ name: "a" }, { name: "b" }],
      containers: [{ name: "b" }, { name: "a" }],
    },
    "the order in the patch doesn't match",
  ],
  [
    "an order that is no list",
    { "$setElementOrder/containers": "a", containers: [{ name: "a" }] },
    "must be a list",
  ],
  [
    "retainKeys without what the patch sets",
    { securityContext: { $retainKeys: ["runAsUser"], runAsGroup: 1 } },
    '$retainKeys list doesn\'t contain field "runAsGroup"',
  ],
  ["retainKeys that is no list", { securityContext: { $retainKeys: true } }, "$retainKeys must be a list"],
  ["a deletion that is no list", { "$deleteFromPrimitiveList/x": "a" }, "must be a list of values"],
])("refuses %s", (_, patch, message) => {
  const original = {
    spec: { containers: [{ name: "a" }, { name: "b" }], securityContext: { runAsUser: 1 } },
  };
  expect(() => patched("Pod", original, { spec: patch })).toThrow(message);
});
