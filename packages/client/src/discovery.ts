import { type ResourceType, parseApiVersion, statusError } from "@ai-edge/apimachinery";

/** One entry of an `APIResourceList`. */
interface DiscoveredResource {
  name: string;
  kind: string;
  namespaced: boolean;
}

/** Finds resources by kind, one cached `APIResourceList` per group version. */
export class Discovery {
  readonly #fetch: (path: string) => Promise<unknown>;
  readonly #cache = new Map<string, Promise<readonly DiscoveredResource[]>>();

  /** @param fetch gets the JSON at a path; it throws NotFound for an unknown group version */
  constructor(fetch: (path: string) => Promise<unknown>) {
    this.#fetch = fetch;
  }

  /**
   * The resource of a kind; looks again once when it is not known, since its CRD may be new.
   * @throws StatusError NotFound with kubectl's "no matches for kind"
   */
  async resourceFor(apiVersion: string, kind: string): Promise<ResourceType> {
    const known = this.#cache.has(apiVersion);
    const found =
      (await this.#find(apiVersion, kind)) ?? (known ? await this.#findAgain(apiVersion, kind) : undefined);
    if (found === undefined) {
      throw statusError("NotFound", `no matches for kind "${kind}" in version "${apiVersion}"`, { kind });
    }
    return { ...parseApiVersion(apiVersion), kind, plural: found.name, namespaced: found.namespaced };
  }

  async #findAgain(apiVersion: string, kind: string): Promise<DiscoveredResource | undefined> {
    this.#cache.delete(apiVersion);
    return this.#find(apiVersion, kind);
  }

  async #find(apiVersion: string, kind: string): Promise<DiscoveredResource | undefined> {
    return (await this.#resources(apiVersion)).find((resource) => resource.kind === kind);
  }

  async #resources(apiVersion: string): Promise<readonly DiscoveredResource[]> {
    let resources = this.#cache.get(apiVersion);
    if (resources === undefined) {
      resources = this.#read(apiVersion);
      this.#cache.set(apiVersion, resources);
      // Failures are not remembered.
      resources.catch(() => this.#cache.delete(apiVersion));
    }
    return resources;
  }

  async #read(apiVersion: string): Promise<readonly DiscoveredResource[]> {
    const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    try {
      return parseResources(await this.#fetch(path));
    } catch (error) {
      if (error instanceof Error && "reason" in error && error.reason === "NotFound") return [];
      throw error;
    }
  }
}

function parseResources(list: unknown): readonly DiscoveredResource[] {
  if (typeof list !== "object" || list === null || !("resources" in list) || !Array.isArray(list.resources))
    return [];
  const entries: readonly unknown[] = list.resources;
  // Names with a slash are subresources (`pods/log`).
  return entries.filter(isResource).filter((resource) => !resource.name.includes("/"));
}

function isResource(value: unknown): value is DiscoveredResource {
  return (
    typeof value === "object" &&
    value !== null &&
    "name" in value &&
    typeof value.name === "string" &&
    "kind" in value &&
    typeof value.kind === "string" &&
    "namespaced" in value &&
    typeof value.namespaced === "boolean"
  );
}
