/** Evaluates one template of a configuration policy at the cluster, and enforces it. */
import {
  type ObjectKey,
  type ResourceType,
  type UnstructuredObject,
  formatKey,
  isStatus,
} from "@ai-edge/apimachinery";
import type { ComplianceState, ConfigurationPolicyStatus, ConfigurationPolicyTemplate } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";
import { deleteIfFound } from "../delete-if-found.ts";
import { find } from "../work/apply.ts";
import { hasAll, hasExactly, mergeWanted } from "./compare.ts";

const POLICY_FIELD_MANAGER = "configuration-policy";

export interface TemplateResult {
  compliant: ComplianceState;
  reason: string;
  message: string;
  related: NonNullable<ConfigurationPolicyStatus["relatedObjects"]>;
  /** What was looked at, to be watched. */
  objects: { type: ResourceType<UnstructuredObject>; key: ObjectKey }[];
}

/** Templates of the managed cluster are not implemented: they are reported, never applied as they stand. */
const EDGE_TEMPLATE = /\{\{/;

/** @param namespaces where a namespaced object without a namespace is wanted */
export async function evaluateTemplate(
  client: Client,
  template: ConfigurationPolicyTemplate,
  namespaces: readonly string[],
  enforce: boolean,
): Promise<TemplateResult> {
  const { objectDefinition } = template;
  const unsupported = unsupportedPart(template);
  if (unsupported !== undefined) return failed("violation", unsupported);
  let type: ResourceType<UnstructuredObject>;
  try {
    const found = await client.resourceFor(objectDefinition.apiVersion, objectDefinition.kind);
    type = {
      group: found.group,
      version: found.version,
      kind: found.kind,
      plural: found.plural,
      namespaced: found.namespaced,
    };
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
    return failed(
      "violation",
      `couldn't find mapping resource with kind ${objectDefinition.kind}, please check if you have CRD deployed`,
    );
  }
  const { name, namespace } = objectDefinition.metadata;
  const targets: ObjectKey[] = !type.namespaced
    ? [{ name }]
    : (namespace === undefined ? namespaces : [namespace]).map((one) => ({ namespace: one, name }));
  if (targets.length === 0)
    return failed(
      "violation",
      `namespaced object ${name} of kind ${type.kind} has no namespace specified from the policy namespaceSelector nor the object metadata`,
    );
  const outcomes = [];
  for (const key of targets) outcomes.push(await evaluateObject(client, template, type, key, enforce));
  const bad = outcomes.filter(({ compliant }) => compliant !== "Compliant");
  const text = (bad.length > 0 ? bad : outcomes).map(({ message }) => message).join("; ");
  return {
    compliant: bad.length > 0 ? "NonCompliant" : "Compliant",
    reason: bad.length > 0 ? "K8s violation" : "K8s `" + complianceOf(template) + "`",
    message: `${bad.length > 0 ? "violation" : "notification"} - ${text}`,
    related: outcomes.map(({ key, compliant, message }) => ({
      object: { apiVersion: objectDefinition.apiVersion, kind: type.kind, metadata: key },
      compliant,
      reason: message,
    })),
    objects: targets.map((key) => ({ type, key })),
  };
}

interface ObjectOutcome {
  key: ObjectKey;
  compliant: ComplianceState;
  message: string;
}

async function evaluateObject(
  client: Client,
  template: ConfigurationPolicyTemplate,
  type: ResourceType<UnstructuredObject>,
  key: ObjectKey,
  enforce: boolean,
): Promise<ObjectOutcome> {
  const live = await find(client, { type, key });
  const what = `${type.plural} [${key.name}]`;
  const where = key.namespace === undefined ? "" : ` in namespace ${key.namespace}`;
  const compliance = complianceOf(template);
  const good = (message: string): ObjectOutcome => ({ key, compliant: "Compliant", message });
  const bad = (message: string): ObjectOutcome => ({ key, compliant: "NonCompliant", message });
  if (compliance === "mustnothave") {
    if (live === undefined || !hasAll(template.objectDefinition, { ...live }))
      return good(`${what} missing as expected${where}`);
    if (!enforce) return bad(`${what} found but should not exist${where}`);
    await deleteIfFound(client, type, key);
    return good(`${what} was deleted successfully${where}`);
  }
  if (live !== undefined && matches(template, live)) return good(`${what} found as specified${where}`);
  if (!enforce)
    return bad(`${what} ${live === undefined ? "not found" : "found but not as specified"}${where}`);
  try {
    await enforceObject(client, template, type, key, live);
  } catch (error) {
    if (isStatus(error, "Conflict")) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return bad(
      `${what} could not be ${live === undefined ? "created" : "updated"}${where}: ${formatKey(key)}: ${message}`,
    );
  }
  return good(`${what} was ${live === undefined ? "created" : "updated"} successfully${where}`);
}

async function enforceObject(
  client: Client,
  template: ConfigurationPolicyTemplate,
  type: ResourceType<UnstructuredObject>,
  key: ObjectKey,
  live: UnstructuredObject | undefined,
): Promise<void> {
  const { objectDefinition } = template;
  const options = { fieldManager: POLICY_FIELD_MANAGER };
  if (live === undefined) {
    await client.create(
      type,
      { ...objectDefinition, metadata: { ...objectDefinition.metadata, ...key } },
      options,
    );
    return;
  }
  const { metadata, apiVersion: _, kind: __, ...fields } = objectDefinition;
  const { labels, annotations } = metadata;
  const next: UnstructuredObject = { ...live };
  const only = complianceOf(template) === "mustonlyhave";
  for (const [name, value] of Object.entries(fields))
    next[name] = only ? value : mergeWanted(live[name], value);
  next.metadata = {
    ...live.metadata,
    ...(labels === undefined ? {} : { labels: { ...live.metadata.labels, ...labels } }),
    ...(annotations === undefined ? {} : { annotations: { ...live.metadata.annotations, ...annotations } }),
  };
  await client.update(type, next, options);
}

/** Of the metadata only labels and annotations count, and they as `musthave`. */
function matches(template: ConfigurationPolicyTemplate, live: UnstructuredObject): boolean {
  const { metadata, apiVersion: _, kind: __, ...fields } = template.objectDefinition;
  const { labels, annotations } = metadata;
  if (!hasAll({ labels, annotations }, live.metadata)) return false;
  return complianceOf(template) === "mustonlyhave" ? hasExactly(fields, live) : hasAll(fields, live);
}

function complianceOf({ complianceType }: ConfigurationPolicyTemplate): string {
  return complianceType.toLowerCase();
}

function unsupportedPart({
  objectDefinition,
  objectSelector,
}: ConfigurationPolicyTemplate): string | undefined {
  if (objectSelector !== undefined) return "objectSelector is not supported: name the object";
  if (objectDefinition.metadata?.name === undefined)
    return "an object without metadata.name is not supported: name it";
  if (EDGE_TEMPLATE.test(JSON.stringify(objectDefinition))) {
    return "templates ({{ … }}) of the managed cluster are not supported; hub templates ({{hub … hub}}) are";
  }
  return undefined;
}

function failed(kind: string, message: string): TemplateResult {
  return {
    compliant: "NonCompliant",
    reason: "K8s creation error",
    message: `${kind} - ${message}`,
    related: [],
    objects: [],
  };
}
