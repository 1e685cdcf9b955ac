import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("merge keys", () => {
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
});
