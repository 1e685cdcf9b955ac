import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("JSON patches", () => {
  it("all operations of a JSON patch", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: Deployment}
  patch: |-
    - {op: add, path: /spec/template/spec/containers/-, value: {name: n}}
    - {op: add, path: /spec/template/spec/containers/0, value: {name: first}}
    - {op: replace, path: /spec/template/spec/containers/1/image, value: new}
    - {op: remove, path: /spec/template/spec/containers/2/image}
    - {op: copy, from: /metadata/name, path: /metadata/annotations/x}
    - {op: move, from: /spec/a, path: /spec/b}
    - {op: test, path: /spec/b, value: 1}
    - {op: add, path: /metadata/annotations/a~1b, value: "1"}
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d1, annotations: {z: z}}
spec: {a: 1, template: {spec: {containers: [{name: b, image: b}, {name: a, image: a}]}}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    a/b: "1"
    x: d1
    z: z
  name: d1
spec:
  b: 1
  template:
    spec:
      containers:
      - name: first
      - image: new
        name: b
      - name: a
      - name: false
`);
  });

  it("negative indices", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap}
  patch: '[{"op": "replace", "path": "/l/-1", "value": 9},{"op": "add", "path": "/l/-1", "value": 8},{"op": "remove", "path": "/l/-3"}]'
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, l: [1,2,3]}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: ConfigMap
l:
- 1
- 9
- 8
metadata:
  name: c
`);
  });
});
