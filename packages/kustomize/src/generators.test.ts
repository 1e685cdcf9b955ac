import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("generators", () => {
  it("literals, files, env files, options", () => {
    const files = {
      "kustomization.yaml": `configMapGenerator:
- name: a
  literals: [a=1, "b='x'", 'c="y z"', "d=a=b", "e=", 'f="unbalanced']
  files: [f.txt, k=f.txt]
  envs: [e.env]
- name: b
  options: {labels: {x: v}, annotations: {q: r}, immutable: true, disableNameSuffixHash: true}
- name: c
  namespace: foo
  env: e.env
secretGenerator:
- name: s
  type: kubernetes.io/tls
  literals: [a=1]
  files: [f.txt]
- name: long
  literals: ["a=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
generatorOptions: {labels: {g: h}, annotations: {i: j}}
`,
      "f.txt": `line1
line2
`,
      "e.env": `# c
  # d
X=1
Y = 2
 Z=3
Q='quoted'

E=
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  E: ""
  Q: '''quoted'''
  X: "1"
  'Y ': ' 2'
  Z: "3"
kind: ConfigMap
metadata:
  annotations:
    i: j
  labels:
    g: h
  name: c-f759hh97dh
  namespace: foo
---
apiVersion: v1
data:
  E: ""
  Q: '''quoted'''
  X: "1"
  'Y ': ' 2'
  Z: "3"
  a: "1"
  b: x
  c: y z
  d: a=b
  e: ""
  f: '"unbalanced'
  f.txt: |
    line1
    line2
  k: |
    line1
    line2
kind: ConfigMap
metadata:
  annotations:
    i: j
  labels:
    g: h
  name: a-96kdfgf67d
---
apiVersion: v1
immutable: true
kind: ConfigMap
metadata:
  annotations:
    i: j
    q: r
  labels:
    g: h
    x: v
  name: b
---
apiVersion: v1
data:
  a: |
    YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW
    FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh
    YWFhYWE=
kind: Secret
metadata:
  annotations:
    i: j
  labels:
    g: h
  name: long-fbd759fkh9
type: Opaque
---
apiVersion: v1
data:
  a: MQ==
  f.txt: bGluZTEKbGluZTIK
kind: Secret
metadata:
  annotations:
    i: j
  labels:
    g: h
  name: s-59f6tbhbtd
type: kubernetes.io/tls
`);
  });

  it("merge and replace across layers", () => {
    const files = {
      "k/kustomization.yaml": `resources: [../b]
namePrefix: p-
configMapGenerator:
- {name: a, behavior: merge, literals: [a=b, nn=1], options: {labels: {z: z}}}
- {name: r, behavior: replace, literals: [a=b, nn=1], options: {immutable: true}}
secretGenerator:
- {name: s, behavior: merge, type: foo, literals: [q=z]}
`,
      "b/kustomization.yaml": `nameSuffix: -s
configMapGenerator:
- {name: a, literals: [a=a, o=1], options: {labels: {yy: yy}, annotations: {an: an}}}
- {name: r, literals: [a=a, o=1], options: {labels: {yy: yy}}}
secretGenerator:
- {name: s, literals: [q=q, z=z]}
`,
    };
    expect(buildYaml(files, "/k")).toBe(`apiVersion: v1
data:
  a: b
  nn: "1"
  o: "1"
kind: ConfigMap
metadata:
  annotations:
    an: an
  labels:
    yy: yy
    z: z
  name: p-a-s-t6khkc7b2m
---
apiVersion: v1
data:
  a: b
  nn: "1"
immutable: true
kind: ConfigMap
metadata:
  labels:
    yy: yy
  name: p-r-s-9b2cdkfd27
---
apiVersion: v1
data:
  q: eg==
  z: eg==
kind: Secret
metadata:
  name: p-s-s-bk9hmd6k9f
type: foo
`);
  });

  it("merges within a namespace", () => {
    const files = {
      "k/kustomization.yaml": `resources: [../b]
namespace: foo
configMapGenerator:
- {name: a, behavior: merge, literals: [a=b, nn=1]}
`,
      "b/kustomization.yaml": `namespace: foo
configMapGenerator:
- {name: a, literals: [a=a, o=1]}
`,
    };
    expect(buildYaml(files, "/k")).toBe(`apiVersion: v1
data:
  a: b
  nn: "1"
  o: "1"
kind: ConfigMap
metadata:
  name: a-t6khkc7b2m
  namespace: foo
`);
  });

  it("replicas by original and by present name", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
namePrefix: p-
replicas: [{name: d, count: 5}, {name: p-s, count: 0}]
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: s}
spec: {replicas: 1}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: p-d
spec:
  replicas: 5
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: p-s
spec:
  replicas: 0
`);
  });
});
