import { type UnstructuredObject, isJsonObject, valueAt } from "@ai-edge/apimachinery";
import { forbidden } from "../authorization/attributes.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { patchFor } from "../objects/patch.ts";
import { updateObject } from "../objects/update.ts";
import { readBody } from "../rest/body.ts";
import { type Call, nameOf, writeFor } from "../rest/call.ts";
import { methodNotAllowed } from "../rest/errors.ts";
import { sendStored } from "../rest/respond.ts";
import { handleGet, objectOf } from "../rest/write.ts";

/** The subresource `approval`: conditions only, and only for who may approve for the signer. */
export async function handleApproval(call: Call, authorizer: Authorizer): Promise<void> {
  if (call.verb === "get") {
    handleGet(call);
    return;
  }
  const change = await changeOf(call);
  const target = { resource: call.resource, namespace: undefined, name: nameOf(call), subresource: "status" };
  const stored = await writeFor(call, (context) =>
    updateObject(
      target,
      (current) => {
        checkMayApprove(call, current, authorizer);
        return withConditionsOf(change(current), current);
      },
      context,
    ),
  );
  sendStored(call, 200, stored);
}

async function changeOf(call: Call): Promise<(current: UnstructuredObject) => UnstructuredObject> {
  if (call.verb === "update") {
    const object = await objectOf(call);
    return () => object;
  }
  if (call.verb !== "patch") throw methodNotAllowed(call.verb, call.resource.type);
  const body = await readBody(call.request);
  const patch = patchFor(call.resource, body, call.request.headers["content-type"], {
    force: false,
    fieldManager: call.query.get("fieldManager") ?? "",
  });
  if (patch.change === undefined) throw methodNotAllowed("apply", call.resource.type);
  return patch.change;
}

function withConditionsOf(candidate: UnstructuredObject, current: UnstructuredObject): UnstructuredObject {
  const conditions = valueAt(candidate, ["status", "conditions"]);
  const status = isJsonObject(current["status"]) ? current["status"] : {};
  return { ...candidate, status: { ...status, conditions } };
}

/** The CertificateApproval admission plugin: the verb `approve` on the signer, or on all signers of its domain. */
function checkMayApprove(call: Call, current: UnstructuredObject, authorizer: Authorizer): void {
  const signer = String(valueAt(current, ["spec", "signerName"]));
  const base = {
    verb: "approve",
    group: "certificates.k8s.io",
    resource: "signers",
    subresource: "",
    namespace: "",
  };
  const domain = `${signer.split("/", 1)[0]}/*`;
  const allowed = [signer, domain].some((name) => authorizer.decide(call.user, { ...base, name }).allowed);
  if (!allowed) throw forbidden(call.user, { ...base, name: signer });
}
