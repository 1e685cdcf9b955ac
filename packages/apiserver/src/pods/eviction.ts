import { isJsonObject } from "@ai-edge/apimachinery";
import { deleteObject, parseDeleteOptions } from "../objects/delete.ts";
import { type Call, nameOf, writeFor } from "../rest/call.ts";
import { sendBody, success } from "../rest/respond.ts";
import { objectOf } from "../rest/write.ts";
import { checkDisruption } from "./disruption.ts";

/** POST of `pods/NAME/eviction` (`kubectl drain`): a deletion, if the PodDisruptionBudget allows it. */
export async function handleEviction(call: Call): Promise<void> {
  const eviction = await objectOf(call);
  const body = isJsonObject(eviction["deleteOptions"]) ? eviction["deleteOptions"] : {};
  const { dryRun, ...options } = parseDeleteOptions(body, call.query);
  const { resource, target } = call;
  await writeFor(
    call,
    (context) => {
      checkDisruption(target.namespace ?? "", nameOf(call), context);
      return deleteObject(resource, target.namespace, nameOf(call), options, context);
    },
    dryRun,
  );
  sendBody(call.response, 201, "json", success(undefined));
}
