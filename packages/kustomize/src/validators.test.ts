import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

const CONFIG_MAP = `apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    tier: edge
  name: a
`;

const validate = (validator: string): string =>
  buildYaml({
    "kustomization.yaml": "resources: [r.yaml]\nvalidators: [v.yaml]\n",
    "r.yaml": CONFIG_MAP,
    "v.yaml": validator,
  });

const test = (value: string) => `apiVersion: builtin
kind: PatchTransformer
metadata: {name: must-be-edge}
target: {kind: ConfigMap}
patch: '[{"op": "test", "path": "/metadata/labels/tier", "value": "${value}"}]'
`;

describe("validators are built-in transformers that change nothing", () => {
  it("passes what the test passes", () => {
    expect(validate(test("edge"))).toBe(CONFIG_MAP);
  });

  it.each<[what: string, validator: string, message: string]>([
    ["a failed test", test("core"), "testing value /metadata/labels/tier failed: test failed"],
    [
      "a change",
      "{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: p}, prefix: x-, fieldSpecs: [{path: metadata/name}]}",
      "validator shouldn't modify the resource map: PrefixTransformer 'p' changes ConfigMap.v1.[noGrp]/a.[noNs]",
    ],
    [
      "a generator",
      "{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: g}}",
      "plugin ConfigMapGenerator.builtin.[noGrp]/g.[noNs] not a transformer",
    ],
    [
      "an unknown one",
      "{apiVersion: builtin, kind: Foo, metadata: {name: f}}",
      "unable to load builtin Foo.builtin.[noGrp]",
    ],
    [
      "a program",
      "{apiVersion: x/v1, kind: Exec, metadata: {name: e}}",
      "field 'validators': x/v1 Exec 'e' is an external plugin; programs and containers are not run",
    ],
  ])("refuses %s", (_what, validator, message) => {
    expect(() => validate(validator)).toThrow(message);
  });
});
