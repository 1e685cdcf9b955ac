import { type UnstructuredObject, isJsonObject, formatTime, valueAt } from "@ai-edge/apimachinery";
import { type BoundObject, ISSUER, type TokenSigner } from "../authentication/token-signer.ts";
import { badRequest, storageKey } from "../objects/environment.ts";
import type { Call } from "../rest/call.ts";
import { nameOf } from "../rest/call.ts";
import { conflict, invalid, invalidValue, notFound } from "../rest/errors.ts";
import { sendBody } from "../rest/respond.ts";
import { objectOf } from "../rest/write.ts";

const DEFAULT_SECONDS = 3600;
/** Limits of `authentication/v1` TokenRequest. */
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

const BINDABLE: Record<string, "pods" | "secrets"> = { Pod: "pods", Secret: "secrets" };

/** POST of `serviceaccounts/NAME/token`. */
export async function handleTokenRequest(call: Call, signer: TokenSigner): Promise<void> {
  const { environment, resource, target } = call;
  const request = await objectOf(call);
  const namespace = target.namespace ?? "";
  const stored = environment.store.get(storageKey(resource, namespace, nameOf(call)));
  const uid = stored?.object.metadata.uid;
  if (stored === undefined || uid === undefined) throw notFound(resource.type, nameOf(call));
  const seconds = secondsOf(request);
  const wanted = valueAt(request, ["spec", "audiences"]);
  const audiences = Array.isArray(wanted) ? wanted.filter((one) => typeof one === "string") : [];
  const aud = audiences.length === 0 ? [ISSUER] : audiences;
  const bound = boundTo(call, request, namespace);
  const issuedAt = Math.floor(environment.now().getTime() / 1000);
  const expiresAt = issuedAt + seconds;
  const token = signer.sign({
    aud,
    namespace,
    serviceAccount: { name: stored.object.metadata.name, uid },
    ...bound,
    issuedAt,
    expiresAt,
  });
  const spec = isJsonObject(request["spec"]) ? request["spec"] : {};
  sendBody(call.response, 201, "json", {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name: nameOf(call), namespace, creationTimestamp: formatTime(environment.now()) },
    spec: { ...spec, audiences: aud, expirationSeconds: seconds },
    status: { token, expirationTimestamp: formatTime(new Date(expiresAt * 1000)) },
  });
}

function secondsOf(request: UnstructuredObject): number {
  const seconds = valueAt(request, ["spec", "expirationSeconds"]) ?? DEFAULT_SECONDS;
  const path = "spec.expirationSeconds";
  const kind = { group: "authentication.k8s.io", kind: "TokenRequest" };
  if (typeof seconds !== "number" || !Number.isInteger(seconds))
    throw badRequest(`${path} must be an integer`);
  if (seconds < MIN_SECONDS) {
    throw invalid(kind, "", [invalidValue(path, seconds, "may not specify a duration less than 10 minutes")]);
  }
  if (seconds > MAX_SECONDS)
    throw invalid(kind, "", [
      invalidValue(path, seconds, "may not specify a duration larger than 2^32 seconds"),
    ]);
  return seconds;
}

function boundTo(
  call: Call,
  request: UnstructuredObject,
  namespace: string,
): { pod?: BoundObject; secret?: BoundObject } {
  const reference = valueAt(request, ["spec", "boundObjectRef"]);
  if (!isJsonObject(reference)) return {};
  const kind = String(reference["kind"]);
  const name = String(reference["name"]);
  const plural = BINDABLE[kind];
  if (plural === undefined) throw badRequest(`cannot bind token to object of kind ${kind}`);
  const uid = call.environment.store.get({ resource: plural, namespace, name })?.object.metadata.uid;
  if (uid === undefined) throw notFound({ group: "", plural }, name);
  const wanted = reference["uid"];
  if (typeof wanted === "string" && wanted !== "" && wanted !== uid) {
    throw conflict(
      { group: "", plural },
      name,
      `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  return plural === "pods" ? { pod: { name, uid } } : { secret: { name, uid } };
}
