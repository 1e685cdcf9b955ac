import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("patches", () => {
  it("merges lists by key, patched elements first", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: d, annotations: {a: b, z: null}, finalizers: [f2, f3]}
    spec:
      replicas: 3
      template:
        spec:
          containers:
          - name: new
            image: n
          - name: b
            env: [{name: X, value: y}, {name: A, value: null, valueFrom: {fieldRef: {fieldPath: q}}}]
            args: [z]
            ports: [{containerPort: 80, name: http}, {containerPort: 81, protocol: UDP}]
            volumeMounts: [{mountPath: /x, readOnly: true}]
          volumes: [{name: v, emptyDir: null, configMap: {name: q}}]
          tolerations: [{key: x}]
          imagePullSecrets: [{name: z}]
          hostAliases: [{ip: 1.2.3.4, hostnames: [q]}]
          nodeSelector: {a: b}
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d, annotations: {q: r, z: z}, finalizers: [f1, f2], creationTimestamp: null}
spec:
  strategy: {}
  template:
    metadata: {creationTimestamp: null}
    spec:
      containers:
      - {name: a, image: a}
      - name: b
        image: b
        args: [a, b]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        ports: [{containerPort: 80}, {containerPort: 81, protocol: TCP}]
        volumeMounts: [{mountPath: /x, name: v}, {mountPath: /y, name: v}]
        resources: {}
      volumes: [{name: v, emptyDir: {}}, {name: w, secret: {secretName: s}}]
      tolerations: [{key: y}]
      imagePullSecrets: [{name: y}]
      hostAliases: [{ip: 1.2.3.4, hostnames: [a]}]
status: {}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    a: b
    q: r
  creationTimestamp: null
  finalizers:
  - f2
  - f3
  - f1
  name: d
spec:
  replicas: 3
  strategy: {}
  template:
    metadata:
      creationTimestamp: null
    spec:
      containers:
      - image: "n"
        name: new
      - args:
        - z
        env:
        - name: X
          value: "y"
        - name: A
          valueFrom:
            fieldRef:
              fieldPath: q
        - name: B
          value: "2"
        image: b
        name: b
        ports:
        - containerPort: 81
          protocol: UDP
        - containerPort: 80
          name: http
        - containerPort: 81
          protocol: TCP
        resources: {}
        volumeMounts:
        - mountPath: /x
          name: v
          readOnly: true
        - mountPath: /y
          name: v
      - image: a
        name: a
      hostAliases:
      - hostnames:
        - q
        ip: 1.2.3.4
      imagePullSecrets:
      - name: z
      - name: "y"
      nodeSelector:
        a: b
      tolerations:
      - key: x
      volumes:
      - configMap:
          name: q
        name: v
      - name: w
        secret:
          secretName: s
status: {}
`);
  });

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

  it("ports by number and protocol", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: Service
    metadata: {name: s}
    spec: {ports: [{port: 80, targetPort: 1}, {port: 53, protocol: UDP, name: u}], selector: {a: null, c: d}}
`,
      "r.yaml": `apiVersion: v1
kind: Service
metadata: {name: s}
spec: {ports: [{port: 80, protocol: TCP}, {port: 53, protocol: TCP}, {port: 53, protocol: UDP}], selector: {a: b}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Service
metadata:
  name: s
spec:
  ports:
  - port: 80
    protocol: TCP
  - port: 53
    protocol: TCP
  - name: u
    port: 53
    protocol: UDP
  selector:
    c: d
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

  it("null, and empty lists", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: Pod
    metadata: {name: c, finalizers: null}
    spec: {containers: null, tolerations: [], volumes: []}
`,
      "r.yaml": `{apiVersion: v1, kind: Pod, metadata: {name: c, finalizers: [a]}, spec: {containers: [{name: a, image: b}], tolerations: [{key: x}], volumes: [{name: z}]}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Pod
metadata:
  name: c
spec:
  tolerations: []
  volumes:
  - name: z
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

  it("lists of many kinds", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: networking.k8s.io/v1
    kind: Ingress
    metadata: {name: c}
    spec: {rules: [{host: z}], tls: [{secretName: q}]}
- patch: |
    apiVersion: batch/v1
    kind: CronJob
    metadata: {name: c}
    spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: b, image: q}]}}}}}
- patch: |
    apiVersion: apps/v1
    kind: StatefulSet
    metadata: {name: c}
    spec: {volumeClaimTemplates: [{metadata: {name: x}}], template: {spec: {initContainers: [{name: b, image: q}], topologySpreadConstraints: [{topologyKey: a, maxSkew: 3}]}}}
- patch: |
    apiVersion: v1
    kind: ServiceAccount
    metadata: {name: c}
    secrets: [{name: z}]
    imagePullSecrets: [{name: z}]
- patch: |
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: c}
    rules: [{verbs: [z]}]
- patch: |
    apiVersion: admissionregistration.k8s.io/v1
    kind: ValidatingWebhookConfiguration
    metadata: {name: c}
    webhooks: [{name: b, rules: []}]
- patch: |
    apiVersion: autoscaling/v2beta2
    kind: HorizontalPodAutoscaler
    metadata: {name: c}
    spec: {metrics: [{type: b}]}
- patch: |
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: c}
    spec: {versions: [{name: v2}]}
`,
      "r.yaml": `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: c}, spec: {rules: [{host: a}], tls: [{secretName: z}]}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}, {name: b}]}}}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: c}, spec: {volumeClaimTemplates: [{metadata: {name: y}}], template: {spec: {initContainers: [{name: a}, {name: b}], topologySpreadConstraints: [{topologyKey: b, whenUnsatisfiable: c},{topologyKey: a, whenUnsatisfiable: c}]}}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: c}, secrets: [{name: a}], imagePullSecrets: [{name: y}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: c}, rules: [{verbs: [a]}]}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: c}, webhooks: [{name: a}, {name: b, rules: [a]}]}
---
{apiVersion: autoscaling/v2beta2, kind: HorizontalPodAutoscaler, metadata: {name: c}, spec: {metrics: [{type: a}]}}
---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: c}, spec: {versions: [{name: v1}]}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: c
spec:
  versions:
  - name: v2
---
apiVersion: v1
imagePullSecrets:
- name: z
kind: ServiceAccount
metadata:
  name: c
secrets:
- name: z
- name: a
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: c
rules:
- verbs:
  - z
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: c
spec:
  template:
    spec:
      initContainers:
      - image: q
        name: b
      - name: a
      topologySpreadConstraints:
      - topologyKey: b
        whenUnsatisfiable: c
      - topologyKey: a
        whenUnsatisfiable: c
  volumeClaimTemplates:
  - metadata:
      name: x
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: c
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - image: q
            name: b
          - name: a
---
apiVersion: autoscaling/v2beta2
kind: HorizontalPodAutoscaler
metadata:
  name: c
spec:
  metrics:
  - type: b
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: c
spec:
  rules:
  - host: z
  tls:
  - secretName: q
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: c
webhooks:
- name: b
  rules: []
- name: a
`);
  });

  it("new elements before merged ones when there are two keys", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: Service
    metadata: {name: s}
    spec: {ports: [{port: 80, targetPort: 1}, {port: 90, targetPort: 2}]}
`,
      "r.yaml": `apiVersion: v1
kind: Service
metadata: {name: s}
spec: {ports: [{port: 80}, {port: 53, protocol: UDP}]}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Service
metadata:
  name: s
spec:
  ports:
  - port: 90
    targetPort: 2
  - port: 80
    targetPort: 1
  - port: 53
    protocol: UDP
`);
  });

  it("directives in new lists", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: v1
    kind: Pod
    metadata: {name: s}
    spec: {containers: [{name: zz, $patch: delete}], volumes: [{$patch: delete, name: q}], initContainers: [{name: q, $patch: replace}, {name: r, $patch: merge}]}
`,
      "r.yaml": `apiVersion: v1
kind: Pod
metadata: {name: s}
spec: {containers: [{name: a, image: b}, {name: c, image: d, args: [a]}]}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Pod
metadata:
  name: s
spec:
  containers:
  - image: b
    name: a
  - args:
    - a
    image: d
    name: c
  initContainers:
  - name: q
  - name: r
  volumes: []
`);
  });

  it("versions without merge keys", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
patches:
- patch: |
    apiVersion: apps/v1beta1
    kind: Deployment
    metadata: {name: s}
    spec: {template: {spec: {containers: [{name: b, image: q}]}}}
- patch: |
    apiVersion: extensions/v1beta1
    kind: Deployment
    metadata: {name: s}
    spec: {template: {spec: {containers: [{name: b, image: q}]}}}
- patch: |
    apiVersion: batch/v1beta1
    kind: CronJob
    metadata: {name: s}
    spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: b, image: q}]}}}}}
- patch: |
    apiVersion: apps/v2
    kind: DaemonSet
    metadata: {name: s}
    spec: {template: {spec: {containers: [{name: b, image: q}]}}}
- patch: |
    apiVersion: v1
    kind: Deployment
    metadata: {name: s}
    spec: {template: {spec: {containers: [{name: b, image: q}]}}}
`,
      "r.yaml": `apiVersion: apps/v1beta1
kind: Deployment
metadata: {name: s}
spec: {template: {spec: {containers: [{name: a}, {name: b}]}}}
---
apiVersion: v1
kind: Deployment
metadata: {name: s}
spec: {template: {spec: {containers: [{name: a}, {name: b}]}}}
---
apiVersion: extensions/v1beta1
kind: Deployment
metadata: {name: s}
spec: {template: {spec: {containers: [{name: a}, {name: b}]}}}
---
apiVersion: batch/v1beta1
kind: CronJob
metadata: {name: s}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}, {name: b}]}}}}}
---
apiVersion: apps/v2
kind: DaemonSet
metadata: {name: s}
spec: {template: {spec: {containers: [{name: a}, {name: b}]}}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: apps/v1beta1
kind: Deployment
metadata:
  name: s
spec:
  template:
    spec:
      containers:
      - image: q
        name: b
---
apiVersion: extensions/v1beta1
kind: Deployment
metadata:
  name: s
spec:
  template:
    spec:
      containers:
      - image: q
        name: b
---
apiVersion: v1
kind: Deployment
metadata:
  name: s
spec:
  template:
    spec:
      containers:
      - image: q
        name: b
---
apiVersion: batch/v1beta1
kind: CronJob
metadata:
  name: s
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - image: q
            name: b
          - name: a
---
apiVersion: apps/v2
kind: DaemonSet
metadata:
  name: s
spec:
  template:
    spec:
      containers:
      - image: q
        name: b
`);
  });
});
