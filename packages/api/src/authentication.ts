import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";

/** Who a request comes from. */
export interface UserInfo {
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

export interface TokenReview extends KubernetesObject {
  spec: { token?: string; audiences?: string[] };
  status?: { authenticated?: boolean; user?: UserInfo; audiences?: string[]; error?: string };
}
export const TokenReview = resourceType<TokenReview>(
  "authentication.k8s.io/v1",
  "TokenReview",
  "tokenreviews",
  {
    namespaced: false,
  },
);

/** Create only, as the `token` subresource of a ServiceAccount. */
export interface TokenRequest extends KubernetesObject {
  spec: {
    audiences?: string[];
    expirationSeconds?: number;
    boundObjectRef?: { apiVersion?: string; kind?: string; name?: string; uid?: string };
  };
  status?: { token: string; expirationTimestamp: string };
}

export interface SelfSubjectReview extends KubernetesObject {
  status?: { userInfo?: UserInfo };
}
export const SelfSubjectReview = resourceType<SelfSubjectReview>(
  "authentication.k8s.io/v1",
  "SelfSubjectReview",
  "selfsubjectreviews",
  { namespaced: false },
);
