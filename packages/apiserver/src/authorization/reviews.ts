import type { UserInfo } from "@ai-edge/api";
import { type UnstructuredObject, isJsonObject, valueAt } from "@ai-edge/apimachinery";
import { badRequest } from "../objects/environment.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import { type Call } from "../rest/call.ts";
import { sendBody } from "../rest/respond.ts";
import type { SpecialHandler } from "../rest/route.ts";
import { objectOf } from "../rest/write.ts";
import { checkKind } from "../objects/check.ts";
import type { Attributes } from "./attributes.ts";
import type { Authorizer } from "./authorizer.ts";

type Review = (object: UnstructuredObject, call: Call) => Record<string, unknown>;

/** The kinds that are asked, not stored: TokenReview and its like. By storage name. */
export function reviewHandlers(
  authenticator: Authenticator,
  authorizer: Authorizer,
): [string, SpecialHandler][] {
  const decide = (user: UserInfo, object: UnstructuredObject): Record<string, unknown> => {
    const { allowed, reason } = authorizer.decide(user, attributesIn(object));
    return { allowed, ...(reason === "" ? {} : { reason }) };
  };
  const reviews: Record<string, Review> = {
    "tokenreviews.authentication.k8s.io": (object) => reviewToken(authenticator, object),
    "selfsubjectreviews.authentication.k8s.io": (_object, call) => ({ userInfo: call.user }),
    "selfsubjectaccessreviews.authorization.k8s.io": (object, call) => decide(call.user, object),
    "subjectaccessreviews.authorization.k8s.io": (object) => decide(userIn(object), object),
    "localsubjectaccessreviews.authorization.k8s.io": (object) => decide(userIn(object), object),
    "selfsubjectrulesreviews.authorization.k8s.io": (object, call) => rulesOf(authorizer, object, call.user),
  };
  return Object.entries(reviews).map(([storage, review]) => [storage, (call) => answer(call, review)]);
}

async function answer(call: Call, review: Review): Promise<void> {
  const object = await objectOf(call);
  checkKind(call.resource, object);
  const { namespace } = call.target;
  if (namespace !== undefined) object.metadata.namespace = namespace;
  const { name, ...metadata } = object.metadata;
  const status = review(object, call);
  sendBody(call.response, 201, "json", {
    ...object,
    metadata: { ...(name === "" ? {} : { name }), creationTimestamp: null, ...metadata },
    status,
  });
}

function reviewToken(authenticator: Authenticator, object: UnstructuredObject): Record<string, unknown> {
  const token = valueAt(object, ["spec", "token"]);
  if (typeof token !== "string" || token === "")
    throw badRequest("token is required for TokenReview in authentication");
  const wanted = valueAt(object, ["spec", "audiences"]);
  const audiences = strings(wanted);
  const found = authenticator.userOfToken(token, audiences.length === 0 ? undefined : audiences);
  if (found === undefined) return { user: {}, error: "the token does not hold" };
  return { authenticated: true, user: found.user, audiences: found.audiences };
}

function rulesOf(
  authorizer: Authorizer,
  object: UnstructuredObject,
  user: UserInfo,
): Record<string, unknown> {
  const namespace = valueAt(object, ["spec", "namespace"]);
  if (typeof namespace !== "string" || namespace === "") throw badRequest("no namespace on request");
  const rules = authorizer.rulesFor(user, namespace);
  return {
    resourceRules: rules
      .filter((rule) => rule.resources !== undefined)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        resourceNames,
      })),
    nonResourceRules: rules
      .filter((rule) => rule.nonResourceURLs !== undefined)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: false,
  };
}

function attributesIn(object: UnstructuredObject): Attributes {
  const path = valueAt(object, ["spec", "nonResourceAttributes"]);
  if (isJsonObject(path)) return { verb: text(path["verb"]), path: text(path["path"]) };
  const resource = valueAt(object, ["spec", "resourceAttributes"]);
  if (!isJsonObject(resource)) {
    throw badRequest("exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
  return {
    verb: text(resource["verb"]),
    group: text(resource["group"]),
    resource: text(resource["resource"]),
    subresource: text(resource["subresource"]),
    namespace: text(resource["namespace"]),
    name: text(resource["name"]),
  };
}

function userIn(object: UnstructuredObject): UserInfo {
  const spec = isJsonObject(object["spec"]) ? object["spec"] : {};
  return { username: text(spec["user"]), uid: text(spec["uid"]), groups: strings(spec["groups"]) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
