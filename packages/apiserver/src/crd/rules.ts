import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "@ai-edge/api";
import { isJsonObject } from "@ai-edge/apimachinery";
import type { Strategy } from "../resources/resource.ts";

/** A few say what is going on; a big definition has dozens of rules, and clients bound the size of headers. */
const MAX_WARNINGS = 8;
/** Longer rules are cut in a warning. */
const MAX_RULE_LENGTH = 120;
/** Deeper than any real schema; schemas come from outside. */
const MAX_DEPTH = 64;

const VALIDATIONS = "x-kubernetes-validations";

/**
 * Warnings about the CEL rules of a definition: they are stored and served, but not evaluated.
 * @param definition of any shape: it was not validated yet
 */
export function definitionRuleWarnings(definition: CustomResourceDefinition): string[] {
  const spec: unknown = definition.spec;
  const versions = isJsonObject(spec) && Array.isArray(spec["versions"]) ? spec["versions"] : [];
  const rules: string[] = [];
  versions.forEach((version: unknown, index) => {
    const schema = isJsonObject(version) && isJsonObject(version["schema"]) ? version["schema"] : {};
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    collectRules(schema["openAPIV3Schema"], path, rules);
  });
  return bounded(rules);
}

function collectRules(schema: unknown, path: string, found: string[], depth = 0): void {
  if (depth > MAX_DEPTH || !isJsonObject(schema)) return;
  noteRules(schema, path, found);
  for (const field of ["items", "additionalProperties", "not"])
    collectRules(schema[field], `${path}.${field}`, found, depth + 1);
  const { properties } = schema;
  if (!isJsonObject(properties)) return;
  for (const [name, child] of Object.entries(properties))
    collectRules(child, `${path}.properties[${name}]`, found, depth + 1);
}

/** The part of a strategy that warns about the rules of a version; empty when it has none. */
export function ruleWarnings(version: CustomResourceDefinitionVersion): Pick<Strategy, "warnings"> {
  const root = version.schema?.openAPIV3Schema;
  const rules: string[] = [];
  collectRules(root, "", rules);
  if (root === undefined || rules.length === 0) return {};
  return {
    warnings(object) {
      const found: string[] = [];
      collectApplied(object, root, "", found);
      return bounded(found);
    },
  };
}

/** The rules that upstream would have run on a value: those at fields that are set. */
function collectApplied(
  value: unknown,
  schema: JSONSchemaProps,
  path: string,
  found: string[],
  depth = 0,
): void {
  if (depth > MAX_DEPTH || value === undefined || value === null) return;
  noteRules({ ...schema }, path === "" ? "(root)" : path, found);
  const { items, properties = {}, additionalProperties } = schema;
  if (Array.isArray(value)) {
    if (items === undefined) return;
    value.forEach((item, index) => collectApplied(item, items, `${path}[${index}]`, found, depth + 1));
  } else if (isJsonObject(value)) {
    for (const [name, child] of Object.entries(value)) {
      const property = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
      if (isJsonObject(property))
        collectApplied(child, property, path === "" ? name : `${path}.${name}`, found, depth + 1);
    }
  }
}

function noteRules(schema: Record<string, unknown>, path: string, found: string[]): void {
  const rules = schema[VALIDATIONS];
  if (!Array.isArray(rules)) return;
  rules.forEach((rule: unknown, index) => {
    const text = isJsonObject(rule) && typeof rule["rule"] === "string" ? rule["rule"] : "";
    const short = text.length > MAX_RULE_LENGTH ? `${text.slice(0, MAX_RULE_LENGTH)}...` : text;
    found.push(
      `${path}.${VALIDATIONS}[${index}]: rule ${JSON.stringify(short)} is not enforced: this server does not evaluate CEL`,
    );
  });
}

function bounded(warnings: readonly string[]): string[] {
  if (warnings.length <= MAX_WARNINGS) return [...warnings];
  const rest = warnings.length - MAX_WARNINGS;
  return [...warnings.slice(0, MAX_WARNINGS), `${rest} more ${VALIDATIONS} rules are not enforced`];
}
