import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("labels, annotations and order", () => {
  it("drops local configuration", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, annotations: {config.kubernetes.io/local-config: "true"}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: b, annotations: {config.kubernetes.io/local-config: "false"}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c, annotations: {config.kubernetes.io/local-config: ""}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: d, annotations: {config.kubernetes.io/local-config: "x"}}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    config.kubernetes.io/local-config: "false"
  name: b
`);
  });

  it("keeps the order of the input", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
sortOptions: {order: fifo}
`,
      "r.yaml": `{apiVersion: v1, kind: Service, metadata: {name: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Service
metadata:
  name: b
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: c
`);
  });

  it("orders by given kinds", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Service, Foo], orderLast: [ConfigMap, Namespace]}}
`,
      "r.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: c}}
---
{apiVersion: v1, kind: Service, metadata: {name: b}}
---
{apiVersion: x/v1, kind: Foo, metadata: {name: b, namespace: b}}
---
{apiVersion: x/v1, kind: Foo, metadata: {name: b, namespace: a}}
---
{apiVersion: x/v1, kind: Foo, metadata: {name: z}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: z}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: z}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Service
metadata:
  name: b
---
apiVersion: x/v1
kind: Foo
metadata:
  name: b
  namespace: a
---
apiVersion: x/v1
kind: Foo
metadata:
  name: b
  namespace: b
---
apiVersion: x/v1
kind: Foo
metadata:
  name: z
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: z
---
apiVersion: batch/v1
kind: Job
metadata:
  name: z
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: c
---
apiVersion: v1
kind: Namespace
metadata:
  name: c
`);
  });

  it("legacy order", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
`,
      "r.yaml": `{apiVersion: x/v1, kind: Bar, metadata: {name: a}}
---
{apiVersion: x/v1, kind: Foo, metadata: {name: b, namespace: b}}
---
{apiVersion: x/v1, kind: Foo, metadata: {name: b, namespace: a}}
---
{apiVersion: x/v1, kind: Foo, metadata: {name: z}}
---
{apiVersion: w/v1, kind: Foo, metadata: {name: a}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: z}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: z}}
---
{apiVersion: v1, kind: Pod, metadata: {name: z}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: z}}
---
{apiVersion: v1, kind: Zed, metadata: {name: z}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: z}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: z}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: a}}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: ConfigMap
metadata:
  name: b
  namespace: a
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: z
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: z
---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: z
---
apiVersion: batch/v1
kind: Job
metadata:
  name: z
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: z
---
apiVersion: w/v1
kind: Foo
metadata:
  name: a
---
apiVersion: x/v1
kind: Bar
metadata:
  name: a
---
apiVersion: x/v1
kind: Foo
metadata:
  name: b
  namespace: a
---
apiVersion: x/v1
kind: Foo
metadata:
  name: b
  namespace: b
---
apiVersion: x/v1
kind: Foo
metadata:
  name: z
---
apiVersion: v1
kind: Pod
metadata:
  name: z
---
apiVersion: v1
kind: Zed
metadata:
  name: z
`);
  });

  it("reads kustomizations as YAML 1.1", () => {
    const files = {
      "kustomization.yaml": `namePrefix: 010-
commonAnnotations: {a: 1:30}
resources: [r.yaml]
`,
      "r.yaml": `apiVersion: v1
kind: Pod
metadata: {name: s}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Pod
metadata:
  annotations:
    a: "1:30"
  name: 010-s
`);
  });
});
