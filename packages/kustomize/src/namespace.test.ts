import { describe, expect, it } from "vitest";
import { buildYaml } from "./testing/build-yaml.ts";

/* Whole trees and what kustomize v5.8 prints for them. */

describe("namespaces", () => {
  it("sets namespaces where kinds have one", () => {
    const files = {
      "kustomization.yaml": `resources: [r.yaml]
namespace: foo
`,
      "r.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: b, namespace: bar}
---
apiVersion: v1
kind: Namespace
metadata: {name: ns}
---
apiVersion: x/v1
kind: Namespace
metadata: {name: ns}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: crb}
roleRef: {kind: ClusterRole, name: ro, apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: ServiceAccount, name: sa, namespace: default}, {kind: ServiceAccount, name: default, namespace: other},{kind: ServiceAccount, name: default}, {kind: User, name: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: crb}
roleRef: {kind: ClusterRole, name: ro, apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: ServiceAccount, name: default}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crds.x}
spec: {conversion: {webhook: {clientConfig: {service: {name: x}}}}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: as}
spec: {service: {name: x}}
---
apiVersion: x.io/v1
kind: Custom
metadata: {name: cust}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv, namespace: zz}
---
apiVersion: v1
kind: Node
metadata: {name: n}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: n}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: n}
webhooks: [{clientConfig: {service: {name: x, namespace: y}}}]
`,
    };
    expect(buildYaml(files)).toBe(`apiVersion: v1
kind: Namespace
metadata:
  name: foo
---
apiVersion: x/v1
kind: Namespace
metadata:
  name: ns
  namespace: foo
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: "n"
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: crds.x
spec:
  conversion:
    webhook:
      clientConfig:
        service:
          name: x
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: crb
  namespace: foo
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: ro
subjects:
- kind: ServiceAccount
  name: default
  namespace: foo
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: crb
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: ro
subjects:
- kind: ServiceAccount
  name: sa
  namespace: default
- kind: ServiceAccount
  name: default
  namespace: foo
- kind: ServiceAccount
  name: default
  namespace: foo
- kind: User
  name: default
  namespace: foo
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  namespace: foo
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: b
  namespace: foo
---
apiVersion: v1
kind: PersistentVolume
metadata:
  name: pv
  namespace: zz
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata:
  name: as
spec:
  service:
    name: x
    namespace: foo
---
apiVersion: x.io/v1
kind: Custom
metadata:
  name: cust
  namespace: foo
---
apiVersion: v1
kind: Node
metadata:
  name: "n"
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: "n"
webhooks:
- clientConfig:
    service:
      name: x
      namespace: "y"
`);
  });
});
