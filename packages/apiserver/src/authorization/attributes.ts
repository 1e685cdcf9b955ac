import { groupResource, parseFieldSelector, statusError, type StatusError } from "@ai-edge/apimachinery";
import type { UserInfo } from "@ai-edge/api";
import type { RequestInfo } from "../rest/request-info.ts";

/** What somebody wants to do, as rules speak of it. */
export type Attributes = ResourceAttributes | PathAttributes;

interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** "" for cluster-scoped resources and for all namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly path?: undefined;
}

interface PathAttributes {
  readonly verb: string;
  readonly path: string;
}

/** What a request wants to do. */
export function attributesOf(info: RequestInfo): Attributes {
  const { resource, verb, path } = info;
  if (resource === undefined) return { verb, path };
  return {
    verb,
    group: resource.group,
    resource: resource.plural,
    subresource: resource.subresource ?? "",
    namespace: resource.namespace ?? "",
    name: resource.name ?? nameOfSelection(info) ?? "",
  };
}

/**
 * A list or watch with the field selector `metadata.name=X` asks for the object X alone, so a rule that names X allows
 * it (`apiserver/pkg/endpoints/request` RequestInfoFactory). Node agents and klusterlets depend on that.
 */
function nameOfSelection({ verb, query }: RequestInfo): string | undefined {
  const selector = query.get("fieldSelector");
  if (selector === null || (verb !== "list" && verb !== "watch")) return undefined;
  return parseFieldSelector(selector).find(
    ({ path, operator }) => path === "metadata.name" && operator === "=",
  )?.value;
}

/** The answer to somebody who may not, in upstream's words. */
export function forbidden(user: UserInfo, attributes: Attributes, reason = ""): StatusError {
  const who = `User ${JSON.stringify(user.username ?? "")}`;
  if (attributes.path !== undefined) {
    return statusError(
      "Forbidden",
      `forbidden: ${who} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}${tail(reason)}`,
    );
  }
  const { verb, group, resource, subresource, namespace, name } = attributes;
  const subject = groupResource({ group, plural: resource });
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const object = name === "" ? subject : `${subject} ${JSON.stringify(name)}`;
  const message = `${object} is forbidden: ${who} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)} ${where}${tail(reason)}`;
  return statusError("Forbidden", message, {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind: resource,
  });
}

function tail(reason: string): string {
  return reason === "" ? "" : `: ${reason}`;
}
