import type { Namespace } from "@ai-edge/api";
import { statusError, validateDnsLabel } from "@ai-edge/apimachinery";
import type { Strategy } from "../resources/resource.ts";

export const NAMESPACE_FINALIZER = "kubernetes";
const NAME_LABEL = "kubernetes.io/metadata.name";
const PROTECTED: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

/** Namespaces: held by their finalizer until they are empty. */
export const namespaceStrategy: Strategy<Namespace> = {
  validateName: validateDnsLabel,
  applyDefaults(namespace) {
    const { name } = namespace.metadata;
    namespace.metadata.labels = { ...namespace.metadata.labels, [NAME_LABEL]: name };
  },
  prepareForCreate(namespace) {
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { finalizers: [...new Set([...finalizers, NAMESPACE_FINALIZER])] };
    namespace.status = { phase: "Active" };
  },
  prepareForUpdate(namespace, old) {
    namespace.spec = structuredClone(old.spec ?? {});
  },
  checkDelete({ metadata: { name } }) {
    if (!PROTECTED.has(name)) return;
    throw statusError(
      "Forbidden",
      `namespaces ${JSON.stringify(name)} is forbidden: this namespace may not be deleted`,
      {
        name,
        kind: "namespaces",
      },
    );
  },
};
