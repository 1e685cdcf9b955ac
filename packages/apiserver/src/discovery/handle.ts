import type { IncomingMessage, ServerResponse } from "node:http";
import type { ResourceRegistry } from "../resources/registry.ts";
import { parseAccept } from "../rest/negotiation.ts";
import { sendBody, sendText } from "../rest/respond.ts";
import { aggregated, apiGroup, apiResourceList, groupsOf, hashOf, resourcesOf } from "./documents.ts";

/** The answers under /api and /apis that are not about resources, cached until the served resources change. */
export class Discovery {
  readonly #registry: ResourceRegistry;
  #generation = -1;
  #cache = new Map<string, { text: string; etag: string }>();

  constructor(registry: ResourceRegistry) {
    this.#registry = registry;
  }

  /** Answers a discovery request; false if the path is not one. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const [prefix, ...segments] = path.split("/").filter((segment) => segment !== "");
    if (prefix !== "api" && prefix !== "apis") return false;
    if (segments.length === 0) return this.#root(request, response, prefix);
    const [group = "", version, ...rest] = prefix === "api" ? ["", ...segments] : segments;
    if (rest.length > 0) return false;
    const versions = groupsOf(this.#registry).find((one) => one.group === group);
    if (versions === undefined) return false;
    if (version === undefined) {
      sendBody(response, 200, "json", { kind: "APIGroup", apiVersion: "v1", ...apiGroup(versions) });
      return true;
    }
    if (resourcesOf(this.#registry, group, version).length === 0) return false;
    sendBody(response, 200, "json", apiResourceList(this.#registry, group, version));
    return true;
  }

  #root(request: IncomingMessage, response: ServerResponse, prefix: "api" | "apis"): boolean {
    const core = prefix === "api";
    const version = aggregatedVersion(request.headers.accept);
    if (version === undefined) {
      sendBody(response, 200, "json", core ? CORE_VERSIONS : this.#groupList());
      return true;
    }
    const { text, etag } = this.#cached(`${prefix}/${version}`, () =>
      aggregated(this.#registry, core, version),
    );
    response.setHeader("ETag", etag);
    response.setHeader("Vary", "Accept");
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304).end();
      return true;
    }
    sendText(
      response,
      200,
      `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      text,
    );
    return true;
  }

  #groupList(): unknown {
    const groups = groupsOf(this.#registry).filter(({ group }) => group !== "");
    return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map((group) => apiGroup(group)) };
  }

  #cached(key: string, make: () => unknown): { text: string; etag: string } {
    if (this.#generation !== this.#registry.generation) {
      this.#generation = this.#registry.generation;
      this.#cache = new Map();
    }
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const text = JSON.stringify(make());
    const made = { text, etag: `"${hashOf(text)}"` };
    this.#cache.set(key, made);
    return made;
  }
}

const CORE_VERSIONS = { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };

/** `v2` or `v2beta1` when the client asks for aggregated discovery before plain JSON. */
function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const { type, parameters } of parseAccept(accept)) {
    if (type !== "application/json" && type !== "*/*") continue;
    if (parameters.get("as") !== "APIGroupDiscoveryList") return undefined;
    const version = parameters.get("v");
    if (version === "v2" || version === "v2beta1") return version;
  }
  return undefined;
}
