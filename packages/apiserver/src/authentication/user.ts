import type { UserInfo } from "@ai-edge/api";

export const AUTHENTICATED = "system:authenticated";
export const UNAUTHENTICATED = "system:unauthenticated";
export const MASTERS = "system:masters";

export const ANONYMOUS: UserInfo = { username: "system:anonymous", groups: [UNAUTHENTICATED] };

/** The user with the group of everybody whose credentials held. */
export function authenticated(user: UserInfo): UserInfo {
  const groups = user.groups ?? [];
  return groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...groups, AUTHENTICATED] };
}

const SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:";

/** The user name of a ServiceAccount. */
export function serviceAccountUsername(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;
}

/** The ServiceAccount behind a user name, if it is one. */
export function parseServiceAccountUsername(
  username: string,
): { namespace: string; name: string } | undefined {
  if (!username.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace, name, ...rest] = username.slice(SERVICE_ACCOUNT_PREFIX.length).split(":");
  if (namespace === undefined || name === undefined || namespace === "" || name === "" || rest.length > 0)
    return undefined;
  return { namespace, name };
}

/** The groups of a ServiceAccount. */
export function serviceAccountGroups(namespace: string): string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
}
