/** A ConfigMap with one value. */
export const CONFIG = (name: string, value: string) => `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name}
data:
  value: "${value}"
`;

/** The definition of a kind Widget. */
export const CRD = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widgets.example.com
spec:
  group: example.com
  names: {kind: Widget, plural: widgets}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;
/** One of them. */
export const WIDGET = `apiVersion: example.com/v1
kind: Widget
metadata:
  name: w
`;

/** The status of an Application of which nothing is left to do. */
export const SYNCED = {
  sync: { status: "Synced" },
  health: { status: "Healthy" },
  operationState: { phase: "Succeeded" },
};
