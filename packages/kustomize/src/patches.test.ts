import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("patches", () => {
  it("$patch directives", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: d}
    spec:
      template:
        spec:
          containers:
          - $patch: delete
            name: a
          - name: c
            $patch: replace
            image: zz
          volumes:
          - $patch: replace
          - name: only
            emptyDir: {}
          nodeSelector: {$patch: replace, x: y}
          affinity: {$patch: delete}
          securityContext: {$patch: merge, b: 2}
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers:
      - {name: a, image: a}
      - {name: b, image: b}
      - {name: c, image: c, args: [x]}
      volumes: [{name: v, emptyDir: {}}, {name: w, secret: {secretName: s}}]
      nodeSelector: {a: b}
      affinity: {a: b}
      securityContext: {a: 1}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
spec:
  template:
    spec:
      containers:
      - args:
        - x
        image: c
        name: c
      - image: b
        name: b
      nodeSelector:
        x: "y"
      securityContext:
        a: 1
        b: 2
      volumes:
      - emptyDir: {}
        name: only
`);
  });

  it("deletes a resource", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: d}
    $patch: delete
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  name: c
`);
  });

  it("by target, with and without change of name and kind", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: Deployment, name: "d.*"}
  patch: |
    kind: Deployment
    metadata: {name: x}
    spec: {template: {spec: {containers: [{name: a, image: q}]}}}
- target: {labelSelector: "a=b"}
  patch: |
    apiVersion: v9
    kind: Foo
    metadata: {name: x, namespace: q}
    spec: {l: [1]}
- target: {kind: Foo}
  options: {allowNameChange: true, allowKindChange: true}
  patch: |
    apiVersion: v9
    kind: Bar
    metadata: {name: x}
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d1, labels: {a: b}}
spec: {template: {spec: {containers: [{name: b, image: b}, {name: a, image: a}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d2, namespace: foo}
spec: {template: {spec: {containers: [{name: b, image: b}, {name: a, image: a}]}}}
---
apiVersion: v9
kind: Foo
metadata: {name: f}
spec: {l: [2]}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: d2
  namespace: foo
spec:
  template:
    spec:
      containers:
      - image: q
        name: a
      - image: b
        name: b
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    a: b
  name: d1
spec:
  l:
  - 1
  template:
    spec:
      containers:
      - image: q
        name: a
      - image: b
        name: b
---
apiVersion: v9
kind: Bar
metadata:
  name: x
spec:
  l:
  - 2
`);
  });

  it("replaces lists of custom resources", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: x/v1
    kind: CR
    metadata: {name: c}
    spec: {containers: [{name: a, image: z}], m: {a: null, e: {}}, nl: null}
`,
      "r.yaml": `apiVersion: x/v1
kind: CR
metadata: {name: c}
spec: {containers: [{name: a}, {name: b}], m: {a: 1, b: {}, c: null, d: []}, nl: [1], other: null}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: x/v1
kind: CR
metadata:
  name: c
spec:
  containers:
  - image: z
    name: a
  m:
    b: {}
    c: null
    d: []
    e: {}
  other: null
`);
  });

  it("a target that matches nothing", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: Foo}
  patch: '[{"op": "replace", "path": "/l/-1", "value": 9}]'
- target: {kind: ConfigMap, name: c$, namespace: default}
  path: p.yaml
`,
      "p.yaml": `- op: add
  path: /q
  value: {a: [1, {b: c}]}
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, l: [1,2,3]}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: ConfigMap
l:
- 1
- 2
- 3
metadata:
  name: c
q:
  a:
  - 1
  - b: c
`);
  });

  it("several patches in one file", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- path: p.yaml
`,
      "p.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {x: "1"}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: d}, data: {x: "1"}}
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: d}, data: {a: b}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  a: b
  x: "1"
kind: ConfigMap
metadata:
  name: c
---
apiVersion: v1
data:
  a: b
  x: "1"
kind: ConfigMap
metadata:
  name: d
`);
  });

  it("nulls in new maps", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: c}
    spec: {a: null, b: {c: null, d: {}}, l: [{x: null, y: 1}], e: [], s: ""}
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  a: b
kind: ConfigMap
metadata:
  name: c
spec:
  b:
    d: {}
  e: []
  l:
  - x: null
    "y": 1
  s: ""
`);
  });

  it("metadata of built-in and custom kinds", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: c, ownerReferences: [{uid: b, name: z}], labels: {x: 1}}
- patch: |
    apiVersion: foo/v1
    kind: Foo
    metadata: {name: c, ownerReferences: [{uid: b, name: z}], finalizers: [x]}
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c, ownerReferences: [{uid: a}, {uid: b, kind: x}]}}
---
{apiVersion: foo/v1, kind: Foo, metadata: {name: c, finalizers: [q], ownerReferences: [{uid: a}, {uid: b, kind: x}]}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  labels:
    x: 1
  name: c
  ownerReferences:
  - kind: x
    name: z
    uid: b
  - uid: a
---
apiVersion: foo/v1
kind: Foo
metadata:
  finalizers:
  - x
  name: c
  ownerReferences:
  - name: z
    uid: b
`);
  });
});
