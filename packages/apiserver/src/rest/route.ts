import { type Call } from "./call.ts";
import { methodNotAllowed, unknownPath } from "./errors.ts";
import { handleList } from "./list.ts";
import { handleScale } from "./scale.ts";
import { handleWatch } from "./watch.ts";
import {
  handleCreate,
  handleDelete,
  handleDeleteCollection,
  handleGet,
  handlePatch,
  handleUpdate,
} from "./write.ts";

/** Answers a request for a subresource or a kind that is not stored: `pods/log`, `tokenreviews`. */
export type SpecialHandler = (call: Call) => Promise<void> | void;

/** By storage name, with the subresource: `pods/log`; without one for kinds that are only asked, never stored. */
export type SpecialHandlers = ReadonlyMap<string, SpecialHandler>;

/** Runs the handler of a resource request. @throws StatusError */
export async function route(call: Call, special: SpecialHandlers): Promise<void> {
  const { resource, target, verb } = call;
  const { subresource } = target;
  const own = special.get(
    subresource === undefined ? resource.storage : `${resource.storage}/${subresource}`,
  );
  if (own !== undefined) return own(call);
  if (subresource === "scale") return handleScale(call);
  if (subresource !== undefined && !(subresource === "status" && resource.hasStatus)) throw unknownPath();
  if (target.rest.length > 0) throw unknownPath();
  switch (verb) {
    case "get":
      return handleGet(call);
    case "list":
      return handleList(call);
    case "watch":
      return handleWatch(call);
    case "update":
      return handleUpdate(requireName(call));
    case "patch":
      return handlePatch(requireName(call));
    case "create":
      if (target.name !== undefined) throw methodNotAllowed(verb, resource.type);
      return handleCreate(call);
    case "delete":
      return handleDelete(call);
    case "deletecollection":
      return handleDeleteCollection(call);
    default:
      throw methodNotAllowed(verb, resource.type);
  }
}

function requireName(call: Call): Call {
  if (call.target.name === undefined) throw methodNotAllowed(call.verb, call.resource.type);
  return call;
}
