import type { ServerResponse } from "node:http";
import { groupsOf, hashOf } from "../discovery/documents.ts";
import type { ResourceRegistry } from "../resources/registry.ts";
import { sendBody } from "../rest/respond.ts";
import { groupVersionDocument } from "./document.ts";

/**
 * kubectl before 1.29 insists on OpenAPI v2 in protobuf before it writes. An empty message is a valid document that
 * says nothing; with the Accept header's `@` in the content type Go's MIME parser would fail.
 */
const V2_CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** `/openapi/v2` (empty) and `/openapi/v3`, made per group and version when asked for. */
export class OpenApi {
  readonly #registry: ResourceRegistry;

  constructor(registry: ResourceRegistry) {
    this.#registry = registry;
  }

  /** Answers an OpenAPI request; false if the path is not one. */
  handle(response: ServerResponse, path: string): boolean {
    if (path === "/openapi/v2") {
      response.writeHead(200, { "Content-Type": V2_CONTENT_TYPE, "Content-Length": 0 }).end();
      return true;
    }
    if (path === "/openapi/v3" || path === "/openapi/v3/") {
      sendBody(response, 200, "json", { paths: this.#index() });
      return true;
    }
    const match = /^\/openapi\/v3\/(?:api\/([^/]+)|apis\/([^/]+)\/([^/]+))$/.exec(path);
    if (match === null) return false;
    const [, coreVersion, group = "", version = coreVersion ?? ""] = match;
    const document = groupVersionDocument(this.#registry, group, version);
    if (document === undefined) return false;
    sendBody(response, 200, "json", document);
    return true;
  }

  #index(): Record<string, { serverRelativeURL: string }> {
    const hash = encodeURIComponent(hashOf(String(this.#registry.generation)).slice(0, 16));
    const paths = groupsOf(this.#registry).flatMap(({ group, versions }) =>
      versions.map((version) => (group === "" ? `api/${version}` : `apis/${group}/${version}`)),
    );
    return Object.fromEntries(
      paths.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }]),
    );
  }
}
