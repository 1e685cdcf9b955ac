import {
  type UnstructuredObject,
  formatLabelSelector,
  isJsonObject,
  setField,
  statusError,
  valueAt,
} from "@ai-edge/apimachinery";
import { storageKey } from "../objects/environment.ts";
import { patchFor } from "../objects/patch.ts";
import { updateObject } from "../objects/update.ts";
import { fromStorage } from "../objects/create.ts";
import type { Resource, ScalePaths } from "../resources/resource.ts";
import { readBody } from "./body.ts";
import { type Call, nameOf, writeFor } from "./call.ts";
import { invalidValue, invalid, methodNotAllowed, notFound, unknownPath } from "./errors.ts";
import { sendBody } from "./respond.ts";
import { objectOf } from "./write.ts";

/** GET, PUT and PATCH of the scale subresource (`autoscaling/v1` Scale). */
export async function handleScale(call: Call): Promise<void> {
  const { resource, target, environment } = call;
  const paths = resource.scale;
  if (paths === undefined) throw unknownPath();
  const name = nameOf(call);
  if (call.verb === "get") {
    const stored = environment.store.get(storageKey(resource, target.namespace, name));
    if (stored === undefined) throw notFound(resource.type, name);
    sendBody(call.response, 200, "json", scaleOf(fromStorage(resource, stored.object), paths));
    return;
  }
  const change = await changeOf(call, resource, paths);
  const stored = await writeFor(call, (context) =>
    updateObject({ resource, namespace: target.namespace, name, subresource: "scale" }, change, context),
  );
  sendBody(call.response, 200, "json", scaleOf(fromStorage(resource, stored.object), paths), call.warnings);
}

async function changeOf(
  call: Call,
  resource: Resource,
  paths: ScalePaths,
): Promise<(current: UnstructuredObject) => UnstructuredObject> {
  if (call.verb === "update") {
    const scale = await objectOf(call);
    return (current) => withReplicas(resource, current, scale, paths);
  }
  if (call.verb !== "patch") throw methodNotAllowed(call.verb, resource.type);
  const body = await readBody(call.request);
  const patch = patchFor({ ...resource, custom: true }, body, call.request.headers["content-type"], {
    force: false,
    fieldManager: call.query.get("fieldManager") ?? "",
  });
  return (current) => {
    if (patch.change === undefined)
      throw statusError("UnsupportedMediaType", "scale cannot be applied; use a merge patch");
    return withReplicas(resource, current, patch.change(scaleOf(current, paths)), paths);
  };
}

function withReplicas(
  resource: Resource,
  current: UnstructuredObject,
  scale: UnstructuredObject,
  paths: ScalePaths,
): UnstructuredObject {
  const replicas = valueAt(scale, ["spec", "replicas"]) ?? 0;
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    const message = "must be greater than or equal to 0";
    throw invalid({ group: "autoscaling", kind: "Scale" }, current.metadata.name, [
      invalidValue("spec.replicas", replicas, message),
    ]);
  }
  const next = structuredClone(current);
  next.metadata.resourceVersion = scale.metadata.resourceVersion ?? "";
  let parent: Record<string, unknown> = next;
  for (const field of paths.specReplicas.slice(0, -1)) {
    const child = parent[field];
    if (isJsonObject(child)) parent = child;
    else {
      const made = {};
      setField(parent, field, made);
      parent = made;
    }
  }
  setField(parent, paths.specReplicas.at(-1) ?? "replicas", replicas);
  if (resource.type.kind === next.kind) return next;
  return { ...next, kind: resource.type.kind };
}

function scaleOf(object: UnstructuredObject, paths: ScalePaths): UnstructuredObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector === undefined ? undefined : selectorText(valueAt(object, paths.selector));
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: JSON.parse(JSON.stringify(metadata)) as UnstructuredObject["metadata"],
    spec: { replicas: valueAt(object, paths.specReplicas) ?? 0 },
    status: {
      replicas: valueAt(object, paths.statusReplicas) ?? 0,
      ...(selector === undefined ? {} : { selector }),
    },
  };
}

function selectorText(selector: unknown): string | undefined {
  if (typeof selector === "string") return selector;
  return isJsonObject(selector) ? formatLabelSelector(selector) : undefined;
}
