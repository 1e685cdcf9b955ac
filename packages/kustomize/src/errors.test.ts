import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

describe("errors name the field and the cause", () => {
  it.each<{ files: Record<string, string>; message: string }>([
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap}
  patch: '[{"op": "test", "path": "/data/a", "value": "c"}]'
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
`,
      },
      message: `testing value /data/a failed: test failed; target: ConfigMap.v1.[noGrp]/c.[noNs]`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: Secret, name: src, fieldPath: data.v}
  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.v]}]
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: src}, data: {v: val}}
`,
      },
      message: `nothing selected by Secret.[noVer].[noGrp]/src.[noNs]:data.v`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, name: src, fieldPath: data.v}
  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.q]}]
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: src}, data: {v: val}}
`,
      },
      message: `unable to find field "data.q" in replacement target`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v}
  targets: [{select: {kind: ConfigMap}, fieldPaths: [data.q]}]
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: src}, data: {v: val}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: src2}, data: {v: val}}
`,
      },
      message: `multiple matches for selector ConfigMap.[noVer].[noGrp]/[noName].[noNs]:data.v`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap}
`,
        "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src, annotations: {a: b}}
`,
      },
      message: `replacements must specify a source and at least one target`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap}
  targets: [{fieldPaths: [a]}]
`,
        "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src, annotations: {a: b}}
`,
      },
      message: `target must specify resources to select`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
replacements:
- source: {kind: ConfigMap, fieldPath: data.v, options: {delimiter: ".", index: 5}}
  targets: [{select: {kind: Secret}, fieldPaths: [data.x], options: {create: true}}]
`,
        "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: src, annotations: {a: b}}
data: {v: abc}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
`,
      },
      message: `options.index 5 is out of bounds for value abc`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap}
  patch: '[{"op": "remove", "path": "/data/b"}]'
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
`,
      },
      message: `error in remove for path: '/data/b': Unable to remove nonexistent key: b: missing value; target: ConfigMap.v1.[noGrp]/c.[noNs]`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap}
  patch: '[{"op": "add", "path": "/x/b/c", "value": 1}]'
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}
`,
      },
      message: `add operation does not apply: doc is missing path: "/x/b/c": missing value; target: ConfigMap.v1.[noGrp]/c.[noNs]`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap}
  patch: '[{"op": "replace", "path": "/l/5", "value": 1}]'
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, l: [1]}
`,
      },
      message: `replace operation does not apply: doc is missing key: /l/5: missing value; target: ConfigMap.v1.[noGrp]/c.[noNs]`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: '[{"op": "replace", "path": "/l/5", "value": 1}]'
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, l: [1]}
`,
      },
      message: `must specify a target for JSON patch [patch: "[{\\"op\\": \\"replace\\", \\"path\\": \\"/l/5\\", \\"value\\": 1}]"]`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap, name: c$, namespace: default}
  path: p.yaml
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, l: [1,2,3]}
`,
      },
      message: `failed to get the patch file from path(p.yaml): evalsymlink failure on '/p.yaml' : '/p.yaml' doesn't exist`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap, name: c$, namespace: default}
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, l: [1,2,3]}
`,
      },
      message: `must specify one of patch and path in PatchTransformer`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: x
  path: p.yaml
`,
        "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, l: [1,2,3]}
`,
      },
      message: `patch and path can't be set at the same time`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: Pod
    metadata: {name: c}
    spec: {containers: [{image: z}]}
`,
        "r.yaml": `{apiVersion: v1, kind: Pod, metadata: {name: c}, spec: {containers: [{name: a, image: b}]}}
`,
      },
      message: `an element of 'spec.containers' in the patch has no 'name' to merge it by; target: Pod.v1.[noGrp]/c.[noNs]`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
patches:
- target: {kind: ConfigMap}
  patch: |
    apiVersion: v1
    kind: ConfigMap
    data: {a: b}
`,
        "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
`,
      },
      message: `unable to parse SM or JSON patch from [patch: "apiVersion: v1\\nkind: ConfigMap\\ndata: {a: b}\\n"]: missing metadata.name in object {{v1 ConfigMap} {{ } map[] map[]}}`,
    },
    {
      files: {
        "kustomization.yaml": `configMapGenerator:
- name: a
  literals: [a=1, a=2]
`,
      },
      message: `configmap a illegally repeats the key \`a\``,
    },
    {
      files: {
        "kustomization.yaml": `configMapGenerator:
- name: a
  literals: [a]
`,
      },
      message: `loading KV pairs: literal sources [a]: invalid literal source a, expected key=value`,
    },
    {
      files: {
        "kustomization.yaml": `configMapGenerator:
- name: a
  files: [nope.txt]
`,
      },
      message: `loading KV pairs: file sources: [nope.txt]: evalsymlink failure on '/nope.txt' : '/nope.txt' doesn't exist`,
    },
    {
      files: {
        "kustomization.yaml": `configMapGenerator:
- literals: [a=b]
`,
      },
      message: `a configmap must have a name`,
    },
    {
      files: {
        "kustomization.yaml": `configMapGenerator:
- {name: a, literals: [a=b]}
- {name: a, literals: [a=c]}
`,
      },
      message: `merging from generator: id ConfigMap.v1.[noGrp]/a.[noNs] exists; can not use behavior: 'unspecified', behavior must be merge or replace`,
    },
    {
      files: {
        "kustomization.yaml": `configMapGenerator:
- {name: a, behavior: merge, literals: [a=b]}
`,
      },
      message: `merging from generator: id ConfigMap.v1.[noGrp]/a.[noNs] does not exist; cannot merge or replace`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
namespace: foo
`,
        "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: bar}
`,
      },
      message: `namespace transformation produces ID conflict: [ConfigMap.v1.[noGrp]/a.[noNs] ConfigMap.v1.[noGrp]/a.bar] both become ConfigMap.v1.[noGrp]/a.foo`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
replicas: [{name: zz, count: 5}]
`,
        "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
`,
      },
      message: `resource with name zz does not match a config with the following GVK [Deployment.[noVer].[noGrp] ReplicationController.[noVer].[noGrp] ReplicaSet.[noVer].[noGrp] StatefulSet.[noVer].[noGrp]]`,
    },
    {
      files: {
        "kustomization.yaml": `resources: [r.yaml]
sortOptions: {order: foo}
`,
        "r.yaml": `{apiVersion: v1, kind: Service, metadata: {name: b}}
`,
      },
      message: `the field 'sortOptions.order' must be one of [fifo, legacy]`,
    },
    {
      files: {
        "kustomization.yaml": `namePrefix: y
resources: [r.yaml]
`,
        "r.yaml": `apiVersion: v1
kind: Pod
metadata: {name: s}
`,
      },
      message: `invalid Kustomization: json: cannot unmarshal bool into Go struct field Kustomization.namePrefix of type string`,
    },
  ])("$message", ({ files, message }) => {
    expect(() => buildYaml(files)).toThrow(new Error(message));
  });
});
