import { type ResourceType, isJsonObject, parseApiVersion } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { UserError } from "../user-error.ts";

interface NamedResource extends ResourceType {
  /** Everything it may be called, in lower case. */
  names: readonly string[];
  categories: readonly string[];
}

/** Finds resources by what users call them: plural, singular, kind or short name, each with an optional `.group`. */
export class ResourceNames {
  readonly #client: Client;
  #resources: Promise<readonly NamedResource[]> | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  /** The resources of `pods,svc` or of a category such as `all`. @throws UserError as kubectl does */
  async find(names: string): Promise<ResourceType[]> {
    this.#resources ??= discover(this.#client);
    const resources = await this.#resources;
    return names.split(",").flatMap((name) => lookUp(resources, name.toLowerCase()));
  }
}

function lookUp(resources: readonly NamedResource[], name: string): readonly ResourceType[] {
  const dot = name.indexOf(".");
  const [short, qualifier] = dot < 0 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1)];
  const named = resources.filter(
    (resource) =>
      resource.names.includes(short) &&
      (qualifier === undefined ||
        qualifier === resource.group ||
        qualifier === `${resource.version}.${resource.group}` ||
        resource.group.startsWith(`${qualifier}.`)),
  );
  // Discovery lists the core group first, and each group with its preferred version.
  const [first] = named;
  if (first !== undefined) return [first];
  const category = resources.filter(({ categories }) => categories.includes(name));
  if (category.length > 0) return category;
  throw new UserError(`the server doesn't have a resource type "${name}"`);
}

async function discover(client: Client): Promise<readonly NamedResource[]> {
  const groups = await getJson(client, "/apis");
  const lists = await Promise.all([
    resourcesOf(client, "v1", "/api/v1"),
    ...arrayAt(groups, "groups").map((group) => resourcesOfGroup(client, group)),
  ]);
  return lists.flat();
}

/** Each resource in the best version that has it: the preferred one of a group need not have all of them. */
async function resourcesOfGroup(client: Client, group: unknown): Promise<NamedResource[]> {
  const preferred = isJsonObject(group) ? group["preferredVersion"] : undefined;
  const versions = [preferred, ...arrayAt(group, "versions")].flatMap((version) => {
    const name = isJsonObject(version) ? version["groupVersion"] : undefined;
    return typeof name === "string" ? [name] : [];
  });
  const lists = await Promise.all(
    [...new Set(versions)].map((version) => resourcesOf(client, version, `/apis/${version}`)),
  );
  const found = new Map<string, NamedResource>();
  for (const resource of lists.flat()) {
    if (!found.has(resource.plural)) found.set(resource.plural, resource);
  }
  return [...found.values()];
}

async function resourcesOf(client: Client, apiVersion: string, path: string): Promise<NamedResource[]> {
  const list = await getJson(client, path);
  return arrayAt(list, "resources").flatMap((entry) => {
    if (!isJsonObject(entry)) return [];
    const { name, kind, namespaced, singularName } = entry;
    if (typeof name !== "string" || typeof kind !== "string" || name.includes("/")) return [];
    const names = [name, singularName, kind.toLowerCase(), ...arrayAt(entry, "shortNames")];
    return [
      {
        ...parseApiVersion(apiVersion),
        kind,
        plural: name,
        namespaced: namespaced === true,
        names: names.filter((text) => typeof text === "string" && text !== "").map(String),
        categories: arrayAt(entry, "categories").map(String),
      },
    ];
  });
}

async function getJson(client: Client, path: string): Promise<unknown> {
  const response = await client.request("GET", path);
  return JSON.parse(await response.text());
}

function arrayAt(value: unknown, field: string): unknown[] {
  const list = isJsonObject(value) ? value[field] : undefined;
  return Array.isArray(list) ? list : [];
}
