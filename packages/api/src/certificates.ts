import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";
import type { TypedCondition } from "./core.ts";

export interface CertificateSigningRequest extends KubernetesObject {
  spec: {
    /** Base64 of the PEM certificate request. */
    request: string;
    signerName: string;
    expirationSeconds?: number;
    usages?: string[];
    /** Set by the API server from the identity that created the request, like the next three. */
    username?: string;
    uid?: string;
    groups?: string[];
    extra?: Record<string, string[]>;
  };
  status?: {
    conditions?: TypedCondition[];
    /** Base64 of the PEM certificate chain. */
    certificate?: string;
  };
}
export const CertificateSigningRequest = resourceType<CertificateSigningRequest>(
  "certificates.k8s.io/v1",
  "CertificateSigningRequest",
  "certificatesigningrequests",
  { namespaced: false },
);

/** Signs client certificates that the API server accepts. */
export const SIGNER_KUBE_APISERVER_CLIENT = "kubernetes.io/kube-apiserver-client";
