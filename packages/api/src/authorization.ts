import { type KubernetesObject, resourceType } from "@ai-edge/apimachinery";

export interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
}

export interface NonResourceAttributes {
  path?: string;
  verb?: string;
}

export interface SubjectAccessReviewStatus {
  allowed: boolean;
  denied?: boolean;
  reason?: string;
  evaluationError?: string;
}

export interface SubjectAccessReview extends KubernetesObject {
  spec: {
    resourceAttributes?: ResourceAttributes;
    nonResourceAttributes?: NonResourceAttributes;
    user?: string;
    groups?: string[];
    extra?: Record<string, string[]>;
    uid?: string;
  };
  status?: SubjectAccessReviewStatus;
}
export const SubjectAccessReview = resourceType<SubjectAccessReview>(
  "authorization.k8s.io/v1",
  "SubjectAccessReview",
  "subjectaccessreviews",
  { namespaced: false },
);

export interface LocalSubjectAccessReview extends SubjectAccessReview {}
export const LocalSubjectAccessReview = resourceType<LocalSubjectAccessReview>(
  "authorization.k8s.io/v1",
  "LocalSubjectAccessReview",
  "localsubjectaccessreviews",
  { namespaced: true },
);

export interface SelfSubjectAccessReview extends KubernetesObject {
  spec: { resourceAttributes?: ResourceAttributes; nonResourceAttributes?: NonResourceAttributes };
  status?: SubjectAccessReviewStatus;
}
export const SelfSubjectAccessReview = resourceType<SelfSubjectAccessReview>(
  "authorization.k8s.io/v1",
  "SelfSubjectAccessReview",
  "selfsubjectaccessreviews",
  { namespaced: false },
);

export interface SelfSubjectRulesReview extends KubernetesObject {
  spec: { namespace?: string };
  status?: {
    resourceRules: {
      verbs: string[];
      apiGroups?: string[];
      resources?: string[];
      resourceNames?: string[];
    }[];
    nonResourceRules: { verbs: string[]; nonResourceURLs?: string[] }[];
    incomplete: boolean;
    evaluationError?: string;
  };
}
export const SelfSubjectRulesReview = resourceType<SelfSubjectRulesReview>(
  "authorization.k8s.io/v1",
  "SelfSubjectRulesReview",
  "selfsubjectrulesreviews",
  { namespaced: false },
);
