import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("lists in strategic merge patches", () => {
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
});
