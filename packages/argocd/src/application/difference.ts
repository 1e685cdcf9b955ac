import type { Application, ResourceIgnoreDifferences } from "@ai-edge/api";
import {
  applyJsonPatch,
  deepEqual,
  isJsonObject,
  isStatus,
  type JsonObject,
  keyOf,
  type UnstructuredObject,
} from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import type { Target } from "./target.ts";
import { refKey, type ResourceRef } from "./tracking.ts";

/** The manager of what Applications apply, as in Argo CD (`argocd-controller`). */
export const FIELD_MANAGER = "argocd-controller";

/** Metadata that says nothing about what is wanted. */
const BOOKKEEPING = [
  "managedFields",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "uid",
  "selfLink",
];

interface Verdict {
  target: UnstructuredObject;
  ignored: string;
  resourceVersion: string | undefined;
  differs: boolean;
}

/**
 * Says whether a live object differs from its manifest by asking the API server what applying it would give (a dry
 * run). So defaults never show as a difference, on any server. Verdicts are remembered until either side changes.
 */
export class DifferenceOracle {
  readonly #client: Client;
  readonly #verdicts = new Map<string, Verdict>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** @throws whatever the API server answers to the dry run, except that it is invalid: that is a difference */
  async differs(
    target: Target,
    live: UnstructuredObject,
    app: Application,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (target.type === undefined) return true;
    const pointers = ignoredPointers(app.spec.ignoreDifferences ?? [], target.ref);
    const key = `${app.metadata.uid ?? ""}/${refKey(target.ref)}`;
    const known = this.#verdicts.get(key);
    const ignored = pointers.join("\n");
    const { resourceVersion } = live.metadata;
    if (known !== undefined && known.resourceVersion === resourceVersion && known.ignored === ignored) {
      if (known.target === target.object || deepEqual(known.target, target.object)) return known.differs;
    }
    let current = live;
    let applied: UnstructuredObject;
    try {
      const options = { fieldManager: FIELD_MANAGER, force: true, dryRun: true, signal };
      applied = await this.#client.apply<UnstructuredObject>(target.type, target.object, options);
      if (applied.metadata.resourceVersion !== resourceVersion)
        current = await this.#client.get<UnstructuredObject>(target.type, keyOf(live), { signal });
    } catch (error) {
      // An immutable field changed, or the object vanished: applying will say it in its own words.
      if (isStatus(error, "Invalid", "NotFound", "Forbidden", "BadRequest")) return true;
      throw error;
    }
    const differs = !deepEqual(comparable(current, pointers), comparable(applied, pointers));
    this.#verdicts.set(key, {
      target: target.object,
      ignored,
      resourceVersion: current.metadata.resourceVersion,
      differs,
    });
    return differs;
  }

  /** Forgets the verdicts of an Application that is gone. */
  forget(app: { uid?: string | undefined }): void {
    for (const key of this.#verdicts.keys())
      if (key.startsWith(`${app.uid ?? ""}/`)) this.#verdicts.delete(key);
  }
}

function comparable(object: JsonObject | UnstructuredObject, pointers: readonly string[]): unknown {
  const { status: _, metadata, ...content } = object;
  const kept = isJsonObject(metadata)
    ? Object.fromEntries(Object.entries(metadata).filter(([field]) => !BOOKKEEPING.includes(field)))
    : {};
  return pointers.reduce<unknown>(withoutPointer, { ...content, metadata: kept });
}

function withoutPointer(object: unknown, path: string): unknown {
  try {
    return applyJsonPatch(object, [{ op: "remove", path }]);
  } catch {
    return object;
  }
}

function ignoredPointers(rules: readonly ResourceIgnoreDifferences[], ref: ResourceRef): string[] {
  return rules
    .filter((rule) => matches(rule.group ?? "", ref.group) && matches(rule.kind, ref.kind))
    .filter((rule) => (rule.name ?? "") === "" || rule.name === ref.name)
    .filter((rule) => (rule.namespace ?? "") === "" || rule.namespace === ref.namespace)
    .flatMap((rule) => rule.jsonPointers ?? []);
}

function matches(rule: string, value: string): boolean {
  return rule === "*" || rule === value;
}
