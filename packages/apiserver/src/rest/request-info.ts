/** What a URL and method ask for (`apiserver/pkg/endpoints/request` RequestInfo). */
export interface RequestInfo {
  readonly path: string;
  readonly query: URLSearchParams;
  /** Kubernetes' verb; for other paths the lower-case HTTP method. */
  readonly verb: string;
  readonly resource: ResourceRequest | undefined;
}

export interface ResourceRequest {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows the subresource (proxy paths). */
  readonly rest: readonly string[];
}

/** Of Namespace objects themselves: `/api/v1/namespaces/NAME/status` is not a collection called `status`. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);

/** Parses a request's method and URL; undefined when the URL cannot be parsed. */
export function parseRequest(method: string, url: string): RequestInfo | undefined {
  const parsed = URL.parse(url, "https://localhost");
  if (parsed === null) return undefined;
  const path = parsed.pathname;
  const segments = decodeSegments(path);
  if (segments === undefined) return undefined;
  const resource = parseResource(segments);
  const query = parsed.searchParams;
  return { path, query, verb: verbOf(method, resource, query), resource };
}

function decodeSegments(path: string): string[] | undefined {
  try {
    return path
      .split("/")
      .filter((segment) => segment !== "")
      .map((segment) => decodeURIComponent(segment));
  } catch {
    return undefined;
  }
}

function parseResource(segments: readonly string[]): ResourceRequest | undefined {
  const [prefix, ...more] = segments;
  if (prefix === "api") return parseGroup("", more);
  const [group, ...rest] = more;
  if (prefix === "apis" && group !== undefined) return parseGroup(group, rest);
  return undefined;
}

function parseGroup(group: string, segments: readonly string[]): ResourceRequest | undefined {
  const [version, first, second, third, ...rest] = segments;
  if (version === undefined || first === undefined) return undefined;
  if (first !== "namespaces" || second === undefined) {
    return { group, version, namespace: undefined, plural: first, name: second, subresource: third, rest };
  }
  if (third === undefined || NAMESPACE_SUBRESOURCES.has(third)) {
    return {
      group,
      version,
      namespace: second,
      plural: "namespaces",
      name: second,
      subresource: third,
      rest,
    };
  }
  const [name, subresource, ...tail] = rest;
  return { group, version, namespace: second, plural: third, name, subresource, rest: tail };
}

function verbOf(method: string, resource: ResourceRequest | undefined, query: URLSearchParams): string {
  if (resource === undefined) return method.toLowerCase();
  const one = resource.name !== undefined;
  switch (method) {
    case "GET":
    case "HEAD":
      if (isWatch(query) && resource.subresource === undefined) return "watch";
      return one ? "get" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return one ? "delete" : "deletecollection";
    default:
      return method.toLowerCase();
  }
}

function isWatch(query: URLSearchParams): boolean {
  const watch = query.get("watch");
  return watch === "" || watch === "true" || watch === "1";
}
