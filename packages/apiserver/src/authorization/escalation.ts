import type { PolicyRule, RoleRef, UserInfo } from "@ai-edge/api";
import { type KubernetesObject, deepEqual, statusError } from "@ai-edge/apimachinery";
import { MASTERS } from "../authentication/user.ts";
import type { Authorizer } from "./authorizer.ts";
import { rulesCover } from "./rules.ts";

const GROUP = "rbac.authorization.k8s.io";

interface RoleLike extends KubernetesObject {
  rules?: PolicyRule[];
  roleRef?: RoleRef;
}

/**
 * Nobody gives away more than he has: who writes a role needs all of its rules himself, or the verb `escalate`; who
 * writes a binding needs the rules of its role, or the verb `bind` (`pkg/registry/rbac` policybased storage).
 * @throws StatusError Forbidden
 */
export function checkEscalation(
  object: RoleLike,
  old: RoleLike | undefined,
  user: UserInfo,
  authorizer: Authorizer,
): void {
  if (user.groups?.includes(MASTERS) === true) return;
  const { namespace = "", name } = object.metadata;
  const isBinding = object.roleRef !== undefined;
  const isChanged = old === undefined || !deepEqual(grantOf(old), grantOf(object));
  if (!isChanged) return;
  const { roleRef } = object;
  const wanted = roleRef === undefined ? (object.rules ?? []) : authorizer.rulesOfRole(roleRef, namespace);
  const target = roleRef ?? { kind: object.kind, name };
  const resource = target.kind === "Role" ? "roles" : "clusterroles";
  const verb = isBinding ? "bind" : "escalate";
  const attributes = { verb, group: GROUP, resource, subresource: "", namespace, name: target.name };
  if (authorizer.decide(user, attributes).allowed) return;
  const owned = authorizer.rulesFor(user, namespace);
  const missing = wanted.filter((rule) => !rulesCover(owned, rule));
  if (missing.length === 0) return;
  const plural = `${object.kind.toLowerCase()}s`;
  throw statusError(
    "Forbidden",
    `${plural}.${GROUP} ${JSON.stringify(name)} is forbidden: user ${JSON.stringify(user.username ?? "")} (groups=${JSON.stringify(user.groups ?? [])}) is attempting to grant RBAC permissions not currently held:\n${missing.map((rule) => JSON.stringify(rule)).join("\n")}`,
    { name, group: GROUP, kind: plural },
  );
}

function grantOf({ rules, roleRef, ...rest }: RoleLike): unknown {
  return { rules, roleRef, subjects: "subjects" in rest ? rest.subjects : undefined };
}
