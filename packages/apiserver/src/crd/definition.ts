import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from "@ai-edge/api";
import {
  type StatusCause,
  type UnstructuredObject,
  customSchema,
  parseJsonPath,
  schemaFromStructural,
} from "@ai-edge/apimachinery";
import { customColumns } from "../printing/columns.ts";
import { ALL_VERBS, type Resource, type ScalePaths } from "../resources/resource.ts";
import { invalidValue, required } from "../rest/errors.ts";
import { ruleWarnings } from "./rules.ts";
import { structuralSchema } from "./structural.ts";

/** Converts between two versions of a custom kind beyond renaming the version. */
export type Converter = (object: UnstructuredObject, apiVersion: string) => UnstructuredObject;

/** The resources that a definition serves, one per served version. */
export function resourcesOfDefinition(
  definition: CustomResourceDefinition,
  convert: Converter = withApiVersion,
): Resource[] {
  const { group, names, scope, versions } = definition.spec;
  const storageVersion = versions.find((version) => version.storage)?.name ?? versions[0]?.name ?? "v1";
  return versions
    .filter((version) => version.served)
    .map((version) => ({
      type: {
        group,
        version: version.name,
        kind: names.kind,
        plural: names.plural,
        namespaced: scope === "Namespaced",
      },
      listKind: names.listKind ?? `${names.kind}List`,
      singular: names.singular ?? names.kind.toLowerCase(),
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      verbs: ALL_VERBS,
      storage: `${names.plural}.${group}`,
      hasStatus: version.subresources?.status !== undefined,
      tracksGeneration: true,
      returnsDeleted: false,
      ...scaleOf(version),
      subresources: [],
      mergeRules: customSchema(schemaFromStructural(version.schema?.openAPIV3Schema)),
      selectable: Object.fromEntries(
        (version.selectableFields ?? []).map(({ jsonPath }) => [
          jsonPath.replace(/^\./, ""),
          fieldsOf(jsonPath),
        ]),
      ),
      strategy: ruleWarnings(version),
      columns: customColumns(version.additionalPrinterColumns),
      custom: true,
      schema: structuralSchema(version),
      // With one version nothing can need converting, and stored text goes out as it is.
      ...(versions.length === 1
        ? {}
        : {
            convert: {
              fromStorage: (object: UnstructuredObject) => convert(object, `${group}/${version.name}`),
              toStorage: (object: UnstructuredObject) => convert(object, `${group}/${storageVersion}`),
            },
          }),
    }));
}

function withApiVersion(object: UnstructuredObject, apiVersion: string): UnstructuredObject {
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

function scaleOf(version: CustomResourceDefinitionVersion): { scale?: ScalePaths } {
  const scale = version.subresources?.scale;
  if (scale === undefined) return {};
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = scale;
  return {
    scale: {
      specReplicas: fieldsOf(specReplicasPath),
      statusReplicas: fieldsOf(statusReplicasPath),
      ...(labelSelectorPath === undefined ? {} : { selector: fieldsOf(labelSelectorPath) }),
    },
  };
}

/** `.spec.replicas` → its fields; these paths have no other steps. */
function fieldsOf(path: string): string[] {
  return path.split(".").filter((field) => field !== "");
}

/** What is wrong with a definition. */
export function validateDefinition(definition: CustomResourceDefinition): StatusCause[] {
  const { spec, metadata } = definition;
  const causes: StatusCause[] = [];
  if (spec.names?.plural === undefined) return [required("spec.names.plural")];
  if (spec.names.kind === undefined) causes.push(required("spec.names.kind"));
  const name = `${spec.names.plural}.${spec.group}`;
  if (metadata.name !== name) {
    causes.push(invalidValue("metadata.name", metadata.name, `must be spec.names.plural+"."+spec.group`));
  }
  if (spec.scope !== "Namespaced" && spec.scope !== "Cluster") causes.push(required("spec.scope"));
  if (!Array.isArray(spec.versions) || spec.versions.length === 0)
    return [...causes, required("spec.versions")];
  if (spec.versions.filter((version) => version.storage).length !== 1) {
    causes.push(
      invalidValue(
        "spec.versions",
        spec.versions.map((version) => version.name),
        "must have exactly one version marked as storage version",
      ),
    );
  }
  spec.versions.forEach((version, index) =>
    causes.push(...validateVersion(version, `spec.versions[${index}]`)),
  );
  return causes;
}

function validateVersion(version: CustomResourceDefinitionVersion, path: string): StatusCause[] {
  const causes: StatusCause[] = [];
  if (typeof version.name !== "string") causes.push(required(`${path}.name`));
  if (version.schema?.openAPIV3Schema === undefined) {
    causes.push(required(`${path}.schema.openAPIV3Schema`, "schemas are required"));
  } else if (version.schema.openAPIV3Schema.type !== "object") {
    causes.push(
      invalidValue(
        `${path}.schema.openAPIV3Schema.type`,
        version.schema.openAPIV3Schema.type ?? "",
        "must be object at the root",
      ),
    );
  }
  version.additionalPrinterColumns?.forEach((column, index) => {
    try {
      parseJsonPath(column.jsonPath);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      causes.push(
        invalidValue(`${path}.additionalPrinterColumns[${index}].jsonPath`, column.jsonPath, message),
      );
    }
  });
  return causes;
}
