import type { ClusterRole, RoleBinding } from "@ai-edge/api";
import { type StatusCause, deepEqual, validatePathSegmentName } from "@ai-edge/apimachinery";
import type { Authorizer } from "../authorization/authorizer.ts";
import { checkEscalation } from "../authorization/escalation.ts";
import type { Strategy } from "../resources/resource.ts";
import { invalidValue, notSupported, required } from "../rest/errors.ts";

const GROUP = "rbac.authorization.k8s.io";
const SUBJECTS = ["ServiceAccount", "User", "Group"];

/** Roles and ClusterRoles. Their names may be anything that fits into a path: `system:node`. */
export function roleStrategy(authorizer: Authorizer): Strategy<ClusterRole> {
  return {
    validateName: validatePathSegmentName,
    prepareForCreate: (role, { user }) => checkEscalation(role, undefined, user, authorizer),
    prepareForUpdate: (role, old, { user }) => checkEscalation(role, old, user, authorizer),
    validate(role) {
      const rules = role.rules ?? [];
      return rules.flatMap((rule, index) =>
        Array.isArray(rule.verbs) && rule.verbs.length > 0
          ? []
          : [required(`rules[${index}].verbs`, "verbs must contain at least one value")],
      );
    },
  };
}

/** RoleBindings and ClusterRoleBindings. */
export function bindingStrategy(authorizer: Authorizer): Strategy<RoleBinding> {
  return {
    validateName: validatePathSegmentName,
    prepareForCreate: (binding, { user }) => checkEscalation(binding, undefined, user, authorizer),
    prepareForUpdate: (binding, old, { user }) => checkEscalation(binding, old, user, authorizer),
    applyDefaults(binding) {
      if (binding.roleRef !== undefined && (binding.roleRef.apiGroup ?? "") === "")
        binding.roleRef.apiGroup = GROUP;
      for (const subject of binding.subjects ?? []) {
        if (subject.kind !== "ServiceAccount" && (subject.apiGroup ?? "") === "") subject.apiGroup = GROUP;
      }
    },
    validate: validateBinding,
  };
}

function validateBinding(binding: RoleBinding, old: RoleBinding | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  const { roleRef, subjects = [] } = binding;
  if ((roleRef?.name ?? "") === "") causes.push(required("roleRef.name"));
  const kinds = binding.metadata.namespace === undefined ? ["ClusterRole"] : ["Role", "ClusterRole"];
  if (roleRef !== undefined && !kinds.includes(roleRef.kind)) {
    causes.push(notSupported("roleRef.kind", roleRef.kind, kinds));
  }
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
}
