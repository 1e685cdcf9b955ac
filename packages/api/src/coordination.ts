import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";

export interface Lease extends KubernetesObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    /** MicroTime. */
    acquireTime?: string;
    /** MicroTime. */
    renewTime?: string;
    leaseTransitions?: number;
  };
}
export const Lease = resourceType<Lease>("coordination.k8s.io/v1", "Lease", "leases", { namespaced: true });
