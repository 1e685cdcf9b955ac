import { type UnstructuredObject, isJsonObject, valueAt } from "@ai-edge/apimachinery";
import { badRequest } from "../objects/environment.ts";
import { updateObject } from "../objects/update.ts";
import { type Call, nameOf, writeFor } from "../rest/call.ts";
import { conflict } from "../rest/errors.ts";
import { sendBody, success } from "../rest/respond.ts";
import { objectOf } from "../rest/write.ts";

/** POST of `pods/NAME/binding`: a scheduler puts the Pod on a node. */
export async function handleBinding(call: Call): Promise<void> {
  const binding = await objectOf(call);
  const node = valueAt(binding, ["target", "name"]);
  if (typeof node !== "string" || node === "")
    throw badRequest("target.name is required: the name of a node");
  const name = nameOf(call);
  const { resource, target } = call;
  const bind = (current: UnstructuredObject): UnstructuredObject => {
    const copy = structuredClone(current);
    const spec = isJsonObject(copy["spec"]) ? copy["spec"] : {};
    const assigned = spec["nodeName"];
    if (typeof assigned === "string" && assigned !== "") {
      throw conflict(
        resource.type,
        name,
        `pod ${name} is already assigned to node ${JSON.stringify(assigned)}`,
      );
    }
    copy["spec"] = { ...spec, nodeName: node };
    return copy;
  };
  await writeFor(call, (context) =>
    updateObject({ resource, namespace: target.namespace, name, subresource: "binding" }, bind, context),
  );
  sendBody(call.response, 201, "json", success(undefined));
}
