/** The policy framework's labels and annotations, verbatim. */
export const LABEL_ROOT_POLICY = "policy.open-cluster-management.io/root-policy";
export const LABEL_POLICY_CLUSTER_NAME = "policy.open-cluster-management.io/cluster-name";
export const LABEL_POLICY_CLUSTER_NAMESPACE = "policy.open-cluster-management.io/cluster-namespace";
/** On a ConfigurationPolicy: the replica that it is a template of. */
export const LABEL_POLICY = "policy.open-cluster-management.io/policy";
/** On a replica: why its hub templates could not be resolved. */
export const ANNOTATION_HUB_TEMPLATES_ERROR = "policy.open-cluster-management.io/hub-templates-error";
