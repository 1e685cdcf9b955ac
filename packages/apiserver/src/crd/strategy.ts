import type { CustomResourceDefinition } from "@ai-edge/api";
import { formatTime, withCondition } from "@ai-edge/apimachinery";
import type { Strategy } from "../resources/resource.ts";
import { validateDefinition } from "./definition.ts";
import { definitionRuleWarnings } from "./rules.ts";

/** Keeps a definition until its objects are gone (apiextensions-apiserver's finalizer). */
export const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

/** CustomResourceDefinitions: established as soon as they are stored, because nothing has to start up. */
export const customResourceDefinitionStrategy: Strategy<CustomResourceDefinition> = {
  applyDefaults(definition) {
    const { names } = definition.spec;
    if (names?.kind === undefined) return;
    names.singular ??= names.kind.toLowerCase();
    names.listKind ??= `${names.kind}List`;
    definition.spec.conversion ??= { strategy: "None" };
  },
  prepareForCreate(definition, { now }) {
    definition.metadata.finalizers = [
      ...new Set([...(definition.metadata.finalizers ?? []), CLEANUP_FINALIZER]),
    ];
    customResourceDefinitionStrategy.applyDefaults?.(definition);
    establish(definition, now);
  },
  prepareForUpdate(definition, _old, { now }) {
    customResourceDefinitionStrategy.applyDefaults?.(definition);
    establish(definition, now);
  },
  validate: (definition) => validateDefinition(definition),
  warnings: definitionRuleWarnings,
};

function establish(definition: CustomResourceDefinition, now: Date): void {
  const { names, versions } = definition.spec;
  const storage = Array.isArray(versions) ? versions.filter((version) => version.storage) : [];
  const stored = new Set([
    ...(definition.status?.storedVersions ?? []),
    ...storage.map((version) => version.name),
  ]);
  const lastTransitionTime = formatTime(now);
  let conditions = definition.status?.conditions;
  conditions = withCondition(
    conditions,
    {
      type: "NamesAccepted",
      status: "True",
      reason: "NoConflicts",
      message: "no conflicts found",
      lastTransitionTime,
    },
    now,
  );
  conditions = withCondition(
    conditions,
    {
      type: "Established",
      status: "True",
      reason: "InitialNamesAccepted",
      message: "the initial names have been accepted",
      lastTransitionTime,
    },
    now,
  );
  definition.status = {
    ...definition.status,
    conditions,
    acceptedNames: { ...names },
    storedVersions: [...stored],
  };
}
