import type { RoleBinding } from "@ai-edge/api";
import { type StatusCause, deepEqual, validatePathSegmentName } from "@ai-edge/apimachinery";
import type { Strategy } from "../resources/resource.ts";
import { invalidValue, notSupported, required } from "../rest/errors.ts";

const GROUP = "rbac.authorization.k8s.io";
const SUBJECTS = ["ServiceAccount", "User", "Group"];

/** RBAC names may be anything that fits into a path: `system:node`. */
export const roleStrategy: Strategy = { validateName: validatePathSegmentName };

/** RoleBindings and ClusterRoleBindings. */
export const bindingStrategy: Strategy<RoleBinding> = {
  validateName: validatePathSegmentName,
  applyDefaults(binding) {
    if (binding.roleRef !== undefined && (binding.roleRef.apiGroup ?? "") === "")
      binding.roleRef.apiGroup = GROUP;
    for (const subject of binding.subjects ?? []) {
      if (subject.kind !== "ServiceAccount" && (subject.apiGroup ?? "") === "") subject.apiGroup = GROUP;
    }
  },
  validate(binding, old) {
    const causes: StatusCause[] = [];
    const { roleRef, subjects = [] } = binding;
    if ((roleRef?.name ?? "") === "") causes.push(required("roleRef.name"));
    const kinds = binding.metadata.namespace === undefined ? ["ClusterRole"] : ["Role", "ClusterRole"];
    if (roleRef !== undefined && !kinds.includes(roleRef.kind))
      causes.push(notSupported("roleRef.kind", roleRef.kind, kinds));
    if (old !== undefined && !deepEqual(old.roleRef, roleRef)) {
      causes.push(invalidValue("roleRef", roleRef ?? null, "cannot change roleRef"));
    }
    subjects.forEach((subject, index) => {
      const path = `subjects[${index}]`;
      if ((subject.name ?? "") === "") causes.push(required(`${path}.name`));
      if (!SUBJECTS.includes(subject.kind)) causes.push(notSupported(`${path}.kind`, subject.kind, SUBJECTS));
      if (subject.kind === "ServiceAccount" && (subject.namespace ?? "") === "")
        causes.push(required(`${path}.namespace`));
    });
    return causes;
  },
};
