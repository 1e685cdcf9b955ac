/**
 * Hub templates, `{{hub … hub}}`, in the strings of a policy: the functions that deliver configuration and
 * credentials. Values are put into the parsed object, so nothing in them can change the policy's structure.
 */
import { ConfigMap, Secret } from "@ai-edge/api";
import type { Client } from "@ai-edge/client";

/** What a template can refer to. */
export interface TemplateContext {
  client: Client;
  /** The root policy's namespace: lookups elsewhere are refused, as upstream does without a service account. */
  namespace: string;
  clusterName: string;
  clusterLabels: Record<string, string>;
}

/** A template that cannot be resolved; the message names the function and the cause, never a value. */
export class HubTemplateError extends Error {
  override readonly name = "HubTemplateError";
}

const TEMPLATE = /\{\{hub\s+(.*?)\s+hub\}\}/gs;
/** A template is one line of a person's hand. */
const MAX_TEMPLATE_LENGTH = 1024;

/** True if any string in the value holds a hub template. */
export function hasHubTemplate(value: unknown): boolean {
  return JSON.stringify(value).includes("{{hub");
}

/**
 * The value with its hub templates resolved. A string that is one template may become an object (`copySecretData`).
 * @throws HubTemplateError for an unknown function, wrong arguments or a missing object
 */
export async function resolveHubTemplates(value: unknown, context: TemplateContext): Promise<unknown> {
  if (typeof value === "string") return resolveText(value, context);
  if (Array.isArray(value)) return Promise.all(value.map((item) => resolveHubTemplates(item, context)));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([name, field]) => [
    name,
    await resolveHubTemplates(field, context),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

async function resolveText(text: string, context: TemplateContext): Promise<unknown> {
  const whole = /^\s*\{\{hub\s+((?:(?!hub\}\}).)*?)\s+hub\}\}\s*$/s.exec(text)?.[1];
  if (whole !== undefined) return evaluate(whole, context);
  let resolved = "";
  let at = 0;
  for (const match of text.matchAll(TEMPLATE)) {
    const result = await evaluate(match[1] ?? "", context);
    if (typeof result !== "string")
      throw new HubTemplateError(`hub template "${match[1]}" gives an object inside of a text`);
    resolved += text.slice(at, match.index) + result;
    at = match.index + match[0].length;
  }
  return resolved + text.slice(at);
}

async function evaluate(template: string, context: TemplateContext): Promise<unknown> {
  if (template.length > MAX_TEMPLATE_LENGTH) throw new HubTemplateError("hub template is too long");
  let value: unknown;
  for (const [index, stage] of template.split("|").entries()) {
    const words = [...stage.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) =>
      quoted === undefined ? { bare: bare ?? "" } : { text: quoted.replaceAll(/\\(.)/g, "$1") },
    );
    const [name, ...rest] = words;
    if (name?.bare === undefined)
      throw new HubTemplateError(`hub template "${template}" does not begin with a function or variable`);
    const args = rest.map((word) => word.text ?? variable(word.bare ?? "", context));
    value = await call(name.bare, index === 0 ? args : [...args, value], context);
  }
  return value;
}

async function call(name: string, args: unknown[], context: TemplateContext): Promise<unknown> {
  if (name.startsWith(".")) return variable(name, context);
  const texts = args.map((arg) => {
    if (typeof arg !== "string") throw new HubTemplateError(`hub template function ${name} takes texts`);
    return arg;
  });
  const [first = "", second = "", third = ""] = texts;
  switch (name) {
    case "fromSecret":
      return entry(
        await dataOf(Secret, "Secret", first, second, context),
        third,
        `Secret ${first}/${second}`,
      );
    case "fromConfigMap":
      return entry(
        await dataOf(ConfigMap, "ConfigMap", first, second, context),
        third,
        `ConfigMap ${first}/${second}`,
      );
    case "copySecretData":
      return dataOf(Secret, "Secret", first, second, context);
    case "copyConfigMapData":
      return dataOf(ConfigMap, "ConfigMap", first, second, context);
    case "base64enc":
      return Buffer.from(first).toString("base64");
    case "base64dec":
      return Buffer.from(first, "base64").toString("utf8");
    default:
      throw new HubTemplateError(
        `hub template function "${name}" is not supported (fromSecret, fromConfigMap, copySecretData, copyConfigMapData, base64enc, base64dec)`,
      );
  }
}

function variable(name: string, { clusterName, clusterLabels }: TemplateContext): string {
  if (name === ".ManagedClusterName") return clusterName;
  const label = /^\.ManagedClusterLabels\.([A-Za-z0-9_-]+)$/.exec(name)?.[1];
  if (label !== undefined) return clusterLabels[label] ?? "";
  throw new HubTemplateError(
    `hub template variable "${name}" is not supported (.ManagedClusterName, .ManagedClusterLabels.<label>)`,
  );
}

async function dataOf(
  type: typeof Secret | typeof ConfigMap,
  kind: string,
  namespace: string,
  name: string,
  context: TemplateContext,
): Promise<Record<string, string>> {
  if (namespace !== context.namespace && namespace !== "") {
    throw new HubTemplateError(
      `hub templates may read only the policy's namespace ${context.namespace}, not ${namespace}`,
    );
  }
  try {
    const object: Secret | ConfigMap = await context.client.get<Secret | ConfigMap>(type, {
      namespace: context.namespace,
      name,
    });
    return object.data ?? {};
  } catch (cause) {
    throw new HubTemplateError(
      `hub template: ${kind} ${context.namespace}/${name}: ${cause instanceof Error ? cause.message : "unreadable"}`,
      { cause },
    );
  }
}

function entry(data: Record<string, string>, key: string, what: string): string {
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  if (value === undefined) throw new HubTemplateError(`hub template: ${what} has no key "${key}"`);
  return value;
}
