import type { Application } from "@ai-edge/api";
import { apiVersionOf, isStatus, keyOf } from "@ai-edge/apimachinery";
import type { DeleteOptions } from "@ai-edge/client";
import { type ComparisonContext, hasOption } from "./comparison.ts";
import { compareForApply } from "./order.ts";
import { instanceName, refOf } from "./tracking.ts";

const FINALIZER = "resources-finalizer.argocd.argoproj.io";
const ANNOTATION_SYNC_OPTIONS = "argocd.argoproj.io/sync-options";

/** The finalizer by which an Application takes its resources along, or undefined: then they stay. */
export function resourcesFinalizer(app: Application): string | undefined {
  return app.metadata.finalizers?.find((name) => name === FINALIZER || name.startsWith(`${FINALIZER}/`));
}

/**
 * Deletes the resources of an Application, users before what they use.
 * @returns how many are still there
 * @throws when the cluster cannot be read or a deletion fails: then the finalizer must stay
 */
export async function deleteResources(
  app: Application,
  finalizer: string,
  context: ComparisonContext,
): Promise<number> {
  const { client, live, signal } = context;
  for (const { group = "", version, kind } of app.status?.resources ?? []) {
    try {
      await live.watch(await client.resourceFor(apiVersionOf({ group, version }), kind));
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
  const propagationPolicy: DeleteOptions["propagationPolicy"] = finalizer.endsWith("/background")
    ? "Background"
    : "Foreground";
  const resources = live
    .ofInstance(instanceName(app, context.controlNamespace))
    .filter(({ object }) => (object.metadata.ownerReferences ?? []).length === 0)
    .filter(({ object }) => !hasOption(object, ANNOTATION_SYNC_OPTIONS, "Delete=false"))
    .toSorted((a, b) => compareForApply(refOf(b.object), refOf(a.object)));
  for (const { type, object } of resources) {
    const { uid, deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined) continue;
    try {
      await client.delete(type, keyOf(object), {
        propagationPolicy,
        signal,
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
  return resources.length;
}
