import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("replacements in text that is JSON or YAML", () => {
  it("reaches into JSON and YAML text", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["data.j.a.b", "data.y.a.b", "data.js.0.x"]}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: val}
---
apiVersion: v1
kind: CM
metadata: {name: t}
data:
  j: '{"a": {"b": "c", "d": 1}, "z": [1,2]}'
  js: '[{"x": "c"}]'
  y: |
    # comment
    z: 1
    a:
      b: c
      l:
      - 1
      - 2
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
  j: '{"a":{"b":"val","d":1},"z":[1,2]}'
  js: '[{"x":"val"}]'
  "y": |-
    # comment
    z: 1
    a:
      b: val
      l:
      - 1
      - 2
kind: CM
metadata:
  name: t
`);
  });

  it("prints JSON of several lines indented", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["data.j.a.b"]}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: val}
---
apiVersion: v1
kind: CM
metadata: {name: t}
data:
  j: |
    {
      "z": [1,2],
      "a": {"b": "c", "d": 1}
    }
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
  j: |-
    {
      "a": {
        "b": "val",
        "d": 1
      },
      "z": [
        1,
        2
      ]
    }
kind: CM
metadata:
  name: t
`);
  });

  it("replaces a map by text", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["s.m", s.b, s.c]}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: "12"}
---
apiVersion: v1
kind: CM
metadata: {name: t}
s: {m: {a: 1}, b: "x", c: y}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: "12"
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
kind: CM
metadata:
  name: t
s:
  b: "12"
  c: "12"
  m: "12"
`);
  });

  it("a map leaves text empty", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: CM, fieldPath: s.m}
  targets: [{select: {name: src}, fieldPaths: ["data.v"]}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: "12"}
---
apiVersion: v1
kind: CM
metadata: {name: t}
s: {m: {a: 1}, b: "x", c: y}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: ""
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
kind: CM
metadata:
  name: t
s:
  b: x
  c: "y"
  m:
    a: 1
`);
  });

  it("creates fields within JSON and YAML text and keeps comments", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["data.j.a.q"], options: {create: true}}]
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["data.y.a.q.r"], options: {create: true}}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: val}
---
apiVersion: v1
kind: CM
metadata: {name: t}
data:
  j: '{"z": 1.0, "a": {"b": "c", "d": 1}, "e": "<x>", "big": 12345678901234567890, "f": 1e3}'
  y: |
    # comment
    z:   1    # inline
    "a":
      b: 'c'
      l:
        - 1
        - 2
      long: aaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc dddddddddd

    t: |
      text
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
  j: '{"a":{"b":"c","d":1,"q":"val"},"big":12345678901234567890,"e":"\\u003cx\\u003e","f":1000,"z":1}'
  "y": |-
    # comment
    z: 1 # inline
    "a":
      b: 'c'
      l:
      - 1
      - 2
      long: aaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc dddddddddd
      q:
        r: val
    t: |
      text
kind: CM
metadata:
  name: t
`);
  });

  it("changes several elements within YAML text", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {name: t}, fieldPaths: ["data.j.a", "data.y.l.*.v"]}]
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src}
data: {v: "7"}
---
apiVersion: v1
kind: CM
metadata: {name: t}
data:
  j: '{"a": 5}'
  y: |
    l:
    - n: x
      v: 5
    - n: y
      v: "6"
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
data:
  v: "7"
kind: ConfigMap
metadata:
  name: src
---
apiVersion: v1
data:
  j: '{"a":7}'
  "y": |-
    l:
    - n: x
      v: 7
    - n: y
      v: "7"
kind: CM
metadata:
  name: t
`);
  });
});
