import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("references", () => {
  it("follows names through prefix and hash", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
namePrefix: p-
configMapGenerator: [{name: a, literals: [a=b]}]
secretGenerator: [{name: a, literals: [a=b]}]
`,
      "r.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {template: {spec: {serviceAccountName: sa, imagePullSecrets: [{name: a}], containers: [{name: a, env: [{name: X, valueFrom: {configMapKeyRef: {name: a, key: a}}}, {name: Y, valueFrom: {secretKeyRef: {name: a, key: a}}}], envFrom: [{configMapRef: {name: a}}, {secretRef: {name: a}}]}], initContainers: [{name: a, env: [{name: X, valueFrom: {configMapKeyRef: {name: a, key: a}}}]}], volumes: [{configMap: {name: a}}, {secret: {secretName: a}}, {projected: {sources: [{configMap: {name: a}}, {secret: {name: a}}]}}, {persistentVolumeClaim: {claimName: pvc}}]}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
imagePullSecrets: [{name: a}]
secrets: [{name: a}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: pvc}
---
apiVersion: v1
kind: Service
metadata: {name: svc}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: i, annotations: {nginx.ingress.kubernetes.io/auth-secret: a, nginx.ingress.kubernetes.io/auth-tls-secret: a, nginx.ingress.kubernetes.io/fastcgi-params-configmap: a}}
spec: {ingressClassName: ic, tls: [{secretName: a}], defaultBackend: {service: {name: svc}}, rules: [{http: {paths: [{backend: {service: {name: svc}}}]}}]}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: ic}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {scaleTargetRef: {kind: Deployment, name: d, apiVersion: apps/v1}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: rb}
roleRef: {kind: Role, name: ro, apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: ServiceAccount, name: sa}, {kind: User, name: sa}, {kind: ServiceAccount, name: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ro}
rules: [{resourceNames: [a, b], resources: [secrets]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ro}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {kind: ClusterRole, name: ro, apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: ServiceAccount, name: sa, namespace: default}, {kind: ServiceAccount, name: sa, namespace: other}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ss}
spec: {serviceName: svc, volumeClaimTemplates: [{spec: {storageClassName: sc}}], template: {spec: {priorityClassName: pc}}}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: sc}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: pc}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: vw}
webhooks: [{clientConfig: {service: {name: svc, namespace: default}}}]
---
apiVersion: v1
kind: Namespace
metadata: {name: ns}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crds.x}
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Namespace
metadata:
  name: ns
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: p-sc
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: crds.x
---
apiVersion: v1
imagePullSecrets:
- name: p-a-k695gkmbtk
kind: ServiceAccount
metadata:
  name: p-sa
secrets:
- name: a
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: p-ro
rules:
- resourceNames:
  - p-a-4h2mbtbbt6
  - b
  resources:
  - secrets
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: p-ro
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: p-rb
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: p-ro
subjects:
- kind: ServiceAccount
  name: p-sa
- kind: User
  name: p-sa
- kind: ServiceAccount
  name: default
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: p-crb
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: p-ro
subjects:
- kind: ServiceAccount
  name: p-sa
  namespace: default
- kind: ServiceAccount
  name: sa
  namespace: other
---
apiVersion: v1
data:
  a: b
kind: ConfigMap
metadata:
  name: p-a-4h2mbtbbt6
---
apiVersion: v1
data:
  a: Yg==
kind: Secret
metadata:
  name: p-a-k695gkmbtk
type: Opaque
---
apiVersion: v1
kind: Service
metadata:
  name: p-svc
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: p-pc
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: p-pvc
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: p-d
spec:
  template:
    spec:
      containers:
      - env:
        - name: X
          valueFrom:
            configMapKeyRef:
              key: a
              name: p-a-4h2mbtbbt6
        - name: "Y"
          valueFrom:
            secretKeyRef:
              key: a
              name: p-a-k695gkmbtk
        envFrom:
        - configMapRef:
            name: p-a-4h2mbtbbt6
        - secretRef:
            name: p-a-k695gkmbtk
        name: a
      imagePullSecrets:
      - name: p-a-k695gkmbtk
      initContainers:
      - env:
        - name: X
          valueFrom:
            configMapKeyRef:
              key: a
              name: p-a-4h2mbtbbt6
        name: a
      serviceAccountName: p-sa
      volumes:
      - configMap:
          name: p-a-4h2mbtbbt6
      - secret:
          secretName: p-a-k695gkmbtk
      - projected:
          sources:
          - configMap:
              name: p-a-4h2mbtbbt6
          - secret:
              name: p-a-k695gkmbtk
      - persistentVolumeClaim:
          claimName: p-pvc
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: p-ss
spec:
  serviceName: p-svc
  template:
    spec:
      priorityClassName: p-pc
  volumeClaimTemplates:
  - spec:
      storageClassName: p-sc
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: p-h
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: p-d
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  annotations:
    nginx.ingress.kubernetes.io/auth-secret: p-a-k695gkmbtk
    nginx.ingress.kubernetes.io/auth-tls-secret: p-a-k695gkmbtk
    nginx.ingress.kubernetes.io/fastcgi-params-configmap: p-a-4h2mbtbbt6
  name: p-i
spec:
  defaultBackend:
    service:
      name: p-svc
  ingressClassName: ic
  rules:
  - http:
      paths:
      - backend:
          service:
            name: p-svc
  tls:
  - secretName: p-a-k695gkmbtk
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: p-ic
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: p-vw
webhooks:
- clientConfig:
    service:
      name: p-svc
      namespace: default
`);
  });
});
