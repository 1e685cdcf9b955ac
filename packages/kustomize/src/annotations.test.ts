import { expect, it } from "vitest";
import { build } from "./build.ts";
import { memoryFileSystem } from "./memory-file-system.ts";
import { buildYaml } from "./testing/build-yaml.ts";

it("keeps annotations as they are written, of resources and of patches, and drops null ones", () => {
  const files = {
    "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: a, annotations: {w: 2.50, d: 2021-01-01, b: yes, gone: null}}
`,
    "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  annotations: {v: 1.50, t: True, d: 2020-01-01, o: 010, inf: .inf, gone: 1}
  labels: {v: 1.50}
data: {v: 1.50}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
  annotations:
`,
  };
  expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: 1.5
kind: ConfigMap
metadata:
  annotations:
    b: "yes"
    d: "2021-01-01"
    inf: ".inf"
    o: "010"
    t: "True"
    v: "1.50"
    w: "2.50"
  labels:
    v: 1.5
  name: a
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
`);
});

it("warns of vars that are in no field", () => {
  const reference = "objref: {apiVersion: v1, kind: Pod, name: p}";
  const files = memoryFileSystem({
    "kustomization.yaml": `resources: [r.yaml]
vars:
- {name: USED, ${reference}}
- {name: UNUSED, ${reference}}
- {name: B, ${reference}}
`,
    "r.yaml": `apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, command: ["x-$(USED)"]}]}
`,
  });
  expect(build(files, "/").warnings.at(-1)).toBe("well-defined vars that were never replaced: B,UNUSED");
});
