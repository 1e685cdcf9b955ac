import type { ClusterRole, PolicyRule, RoleRef, Subject, UserInfo } from "@ai-edge/api";
import { type UnstructuredObject, matchesLabelSelector } from "@ai-edge/apimachinery";
import { MASTERS, serviceAccountUsername } from "../authentication/user.ts";
import type { Store } from "../storage/store.ts";
import type { Attributes } from "./attributes.ts";
import { ruleAllows } from "./rules.ts";

const GROUP = "rbac.authorization.k8s.io";
const ROLES = `roles.${GROUP}`;
const CLUSTER_ROLES = `clusterroles.${GROUP}`;
const ROLE_BINDINGS = `rolebindings.${GROUP}`;
const CLUSTER_ROLE_BINDINGS = `clusterrolebindings.${GROUP}`;

interface Binding {
  /** "" for ClusterRoleBindings. */
  readonly namespace: string;
  readonly name: string;
  readonly roleRef: RoleRef;
}

export interface Decision {
  readonly allowed: boolean;
  /** Which binding allows it; for people. */
  readonly reason: string;
}

/** Role-based access control from the Roles and bindings in the store. */
export class Authorizer {
  readonly #store: Store;
  /** By subject (`User:name`, `Group:name`); undefined after a binding changed, until somebody asks. */
  #bindings: Map<string, Binding[]> | undefined;

  constructor(store: Store) {
    this.#store = store;
    store.subscribe((events) => {
      if (events.some(({ resource }) => resource === ROLE_BINDINGS || resource === CLUSTER_ROLE_BINDINGS)) {
        this.#bindings = undefined;
      }
    });
  }

  /** Whether a user may do something. */
  decide(user: UserInfo, attributes: Attributes): Decision {
    if (user.groups?.includes(MASTERS) === true) return { allowed: true, reason: "" };
    const namespace = attributes.path === undefined ? attributes.namespace : "";
    for (const binding of this.#bindingsOf(user, namespace)) {
      if (this.#rulesOf(binding).some((rule) => ruleAllows(rule, attributes))) {
        const kind = binding.namespace === "" ? "ClusterRoleBinding" : "RoleBinding";
        const what = `${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)}`;
        return {
          allowed: true,
          reason: `RBAC: allowed by ${kind} ${JSON.stringify(binding.name)} of ${what} to ${subjectText(user)}`,
        };
      }
    }
    return { allowed: false, reason: "" };
  }

  /** All rules that a user has in a namespace. */
  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    if (user.groups?.includes(MASTERS) === true) {
      const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"] };
      return [everything, { verbs: ["*"], nonResourceURLs: ["*"] }];
    }
    return this.#bindingsOf(user, namespace).flatMap((binding) => this.#rulesOf(binding));
  }

  /** The rules of a role; empty if there is none. */
  rulesOfRole(roleRef: RoleRef, namespace: string): readonly PolicyRule[] {
    if (roleRef.kind === "Role") {
      return rulesIn(this.#store.get({ resource: ROLES, namespace, name: roleRef.name })?.object);
    }
    const role = this.#store.get({ resource: CLUSTER_ROLES, namespace: "", name: roleRef.name })?.object;
    if (role === undefined) return [];
    const selectors = aggregationOf(role);
    if (selectors === undefined) return rulesIn(role);
    return this.#store
      .list(CLUSTER_ROLES)
      .filter(
        ({ object }) =>
          object !== role &&
          selectors.some((selector) => matchesLabelSelector(selector, object.metadata.labels)),
      )
      .flatMap(({ object }) => rulesIn(object));
  }

  #rulesOf(binding: Binding): readonly PolicyRule[] {
    return this.rulesOfRole(binding.roleRef, binding.namespace);
  }

  #bindingsOf(user: UserInfo, namespace: string): Binding[] {
    this.#bindings ??= this.#index();
    const index = this.#bindings;
    const subjects = [`User:${user.username ?? ""}`, ...(user.groups ?? []).map((group) => `Group:${group}`)];
    return subjects
      .flatMap((subject) => index.get(subject) ?? [])
      .filter((binding) => binding.namespace === "" || binding.namespace === namespace);
  }

  #index(): Map<string, Binding[]> {
    const index = new Map<string, Binding[]>();
    for (const { object } of [
      ...this.#store.list(CLUSTER_ROLE_BINDINGS),
      ...this.#store.list(ROLE_BINDINGS),
    ]) {
      const { roleRef, subjects = [] } = object as UnstructuredObject & {
        roleRef: RoleRef;
        subjects?: Subject[];
      };
      const { namespace = "", name } = object.metadata;
      for (const subject of subjects) {
        const key = subjectKey(subject, namespace);
        const list = index.get(key) ?? [];
        list.push({ namespace, name, roleRef });
        index.set(key, list);
      }
    }
    return index;
  }
}

function subjectKey(subject: Subject, namespace: string): string {
  if (subject.kind !== "ServiceAccount") return `${subject.kind}:${subject.name}`;
  return `User:${serviceAccountUsername(subject.namespace ?? namespace, subject.name)}`;
}

function rulesIn(role: UnstructuredObject | undefined): readonly PolicyRule[] {
  const rules = role?.["rules"];
  return Array.isArray(rules) ? rules : [];
}

function aggregationOf(
  role: UnstructuredObject,
): NonNullable<ClusterRole["aggregationRule"]>["clusterRoleSelectors"] {
  const { aggregationRule } = role as UnstructuredObject & ClusterRole;
  return aggregationRule?.clusterRoleSelectors;
}

function subjectText(user: UserInfo): string {
  return `User ${JSON.stringify(user.username ?? "")}`;
}
