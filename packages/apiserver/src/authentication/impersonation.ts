import type { IncomingHttpHeaders } from "node:http";
import type { UserInfo } from "@ai-edge/api";
import { forbidden } from "../authorization/attributes.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { badRequest } from "../objects/environment.ts";
import { authenticated, parseServiceAccountUsername, serviceAccountGroups } from "./user.ts";

/**
 * The user that a request is to be judged as (`kubectl --as`), if the real one may do so.
 * @throws StatusError Forbidden, BadRequest
 */
export function impersonate(user: UserInfo, headers: IncomingHttpHeaders, authorizer: Authorizer): UserInfo {
  const name = headers["impersonate-user"];
  const groups = valuesOf(headers["impersonate-group"]);
  if (name === undefined) {
    if (groups.length > 0) throw badRequest("requested groups without impersonating a user");
    return user;
  }
  if (Array.isArray(name)) throw badRequest("Impersonate-User was sent more than once");
  const check = (group: string, resource: string, namespace: string, object: string): void => {
    const attributes = { verb: "impersonate", group, resource, subresource: "", namespace, name: object };
    if (!authorizer.decide(user, attributes).allowed) throw forbidden(user, attributes);
  };
  const account = parseServiceAccountUsername(name);
  if (account === undefined) check("", "users", "", name);
  else check("", "serviceaccounts", account.namespace, account.name);
  for (const group of groups) check("", "groups", "", group);
  const own = account === undefined || groups.length > 0 ? groups : serviceAccountGroups(account.namespace);
  return authenticated({ username: name, groups: own });
}

function valuesOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  // Node joins repeated headers that it does not know with a comma and a space.
  return (Array.isArray(header) ? header : header.split(", ")).filter((value) => value !== "");
}
