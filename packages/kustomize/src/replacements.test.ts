import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("replacements", () => {
  it("by element, index, wildcard and delimiter", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: Deployment, name: d1, fieldPath: spec.template.spec.containers.0.image}
  targets:
  - select: {kind: Deployment, name: d2}
    fieldPaths: ["spec.template.spec.containers.[name=a].image", "spec.template.spec.containers.1.image"]
- source: {kind: ConfigMap, fieldPath: data.num}
  targets:
  - select: {kind: Deployment}
    fieldPaths: [spec.replicas]
- source: {kind: ConfigMap, fieldPath: data.image, options: {delimiter: ":", index: 1}}
  targets:
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.*.image"]
    options: {delimiter: ":", index: 1}
- source: {kind: ConfigMap, fieldPath: data.num}
  targets:
  - select: {kind: ConfigMap}
    fieldPaths: [data.new, "data.a\\\\.b", metadata.annotations.x]
    options: {create: true}
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: cm}
data: {num: "5", image: "foo:1.10", a.b: x}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d1}
spec: {replicas: 1, template: {spec: {containers: [{name: a, image: nginx:1}, {name: b, image: bb}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d2}
spec: {replicas: 1, template: {spec: {containers: [{name: a, image: x:1}, {name: b, image: y}, {name: ab, image: z}]}}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  a.b: "5"
  image: foo:1.10
  new: 5
  num: "5"
kind: ConfigMap
metadata:
  annotations:
    x: "5"
  name: cm
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d1
spec:
  replicas: 5
  template:
    spec:
      containers:
      - image: nginx:1.10
        name: a
      - image: bb:1.10
        name: b
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d2
spec:
  replicas: 5
  template:
    spec:
      containers:
      - image: nginx:1.10
        name: a
      - image: nginx:1.10
        name: b
      - image: nginx:1.10
        name: ab
`);
  });

  it("selects by expression and rejects by name and label", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, name: src, fieldPath: data.v}
  targets:
  - select: {kind: ConfigMap, name: "t.*"}
    reject: [{name: t2}, {labelSelector: "x=y"}]
    fieldPaths: [data.v]
- sourceValue: literal
  targets:
  - select: {labelSelector: "x=y"}
    fieldPaths: [data.v]
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: src}, data: {v: val}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: t1}, data: {v: "1"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: t2}, data: {v: "2"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: t3, labels: {x: y}}, data: {v: "3"}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: val
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
data:
  v: val
kind: ConfigMap
metadata:
  name: t1
---
apiVersion: v1
data:
  v: "2"
kind: ConfigMap
metadata:
  name: t2
---
apiVersion: v1
data:
  v: literal
kind: ConfigMap
metadata:
  labels:
    x: "y"
  name: t3
`);
  });

  it("puts a part in front or behind", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v, options: {delimiter: "."}}
  targets:
  - select: {name: t}
    fieldPaths: ["data.a"]
    options: {delimiter: "/", index: -1}
  - select: {name: t}
    fieldPaths: ["data.b"]
    options: {delimiter: "/", index: 9}
  - select: {name: t}
    fieldPaths: ["data.c"]
    options: {delimiter: "/"}
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: v1.v2}
---
apiVersion: v1
kind: CM
metadata: {name: t}
data: {a: x/y, b: x/y, c: x/y}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: v1.v2
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
data:
  a: v1/x/y
  b: x/y/v1
  c: v1/y
kind: CM
metadata:
  name: t
`);
  });

  it("keeps the type of the target", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["s.fl"]}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: "5"}
---
apiVersion: v1
kind: CM
metadata: {name: t}
s: {fl: 1.5, b: true}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: "5"
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
kind: CM
metadata:
  name: t
s:
  b: true
  fl: 5
`);
  });

  it("creates fields and elements", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: CM, fieldPath: s.m}
  targets: [{select: {name: src}, fieldPaths: ["data.q"], options: {create: true}}]
- source: {kind: CM, fieldPath: s.f}
  targets: [{select: {name: src}, fieldPaths: ["data.f", "metadata.labels.x", "spec.[name=foo].bar", "spec2.0.bar", "data.num"], options: {create: true}}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: "12"}
---
apiVersion: v1
kind: CM
metadata: {name: t}
s: {m: {a: 1}, b: "x", c: y, f: true}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  f: true
  num: true
  q:
    a: 1
  v: "12"
kind: ConfigMap
metadata:
  labels:
    x: true
  name: src
spec:
- bar: true
  name: foo
spec2:
- bar: true
---
apiVersion: v1
kind: CM
metadata:
  name: t
s:
  b: x
  c: "y"
  f: true
  m:
    a: 1
`);
  });

  it("appends at the index behind the last", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["spec.d.2"], options: {create: true}}]
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: src}, data: {v: val}}
---
{apiVersion: v1, kind: D, metadata: {name: t}, spec: {d: [a, b]}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: val
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
kind: D
metadata:
  name: t
spec:
  d:
  - a
  - b
  - val
`);
  });

  it("finds and creates scalar elements", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["spec.d.[=a]", "spec.e.[=zz]"], options: {create: true}}]
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: src}, data: {v: val}}
---
{apiVersion: v1, kind: D, metadata: {name: t}, spec: {d: [a, b], e: [q]}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: val
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
kind: D
metadata:
  name: t
spec:
  d:
  - val
  - b
  e:
  - q
  - val
`);
  });

  it("defaults to metadata.name on both sides", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap}
  targets: [{select: {kind: CM}}, {select: {kind: D, name: ""}, fieldPaths: [spec.x]}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src, annotations: {a: b}}
---
apiVersion: v1
kind: CM
metadata: {name: t}
---
apiVersion: v1
kind: D
metadata: {name: t, namespace: q}
spec: {x: z}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    a: b
  name: src
---
apiVersion: v1
kind: CM
metadata:
  name: src
---
apiVersion: v1
kind: D
metadata:
  name: t
  namespace: q
spec:
  x: src
`);
  });
});
