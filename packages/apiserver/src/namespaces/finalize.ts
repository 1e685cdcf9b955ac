import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { updateObject } from "../objects/update.ts";
import { type Call, nameOf, writeFor } from "../rest/call.ts";
import { methodNotAllowed } from "../rest/errors.ts";
import { sendStored } from "../rest/respond.ts";
import { objectOf } from "../rest/write.ts";

/** PUT of `namespaces/NAME/finalize`: sets `spec.finalizers` and nothing else. */
export async function handleFinalize(call: Call): Promise<void> {
  if (call.verb !== "update") throw methodNotAllowed(call.verb, call.resource.type);
  const object = await objectOf(call);
  const finalize = (current: UnstructuredObject): UnstructuredObject => ({
    ...structuredClone(current),
    spec: structuredClone(object["spec"] ?? {}),
  });
  const target = {
    resource: call.resource,
    namespace: undefined,
    name: nameOf(call),
    subresource: "finalize",
  };
  sendStored(call, 200, await writeFor(call, (context) => updateObject(target, finalize, context)));
}
