import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type KubernetesObject, isStatus, resourceType } from "@ai-edge/apimachinery";
import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "./index.ts";

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}
const ConfigMap = resourceType<ConfigMap>("v1", "ConfigMap", "configmaps", { namespaced: true });
const Deployment = resourceType("apps/v1", "Deployment", "deployments", { namespaced: true });

interface Recorded {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: string;
}
type Script = (request: Recorded, response: ServerResponse) => void;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A server that answers from a script and remembers what it was asked. */
async function scripted(script: Script, credentials?: Parameters<typeof createClient>[0]["credentials"]) {
  const requests: Recorded[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      const recorded = { method: request.method, url: request.url, headers: request.headers, body };
      requests.push(recorded);
      script(recorded, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = createClient({ server: `http://127.0.0.1:${port}`, credentials });
  cleanups.push(() => client.close());
  cleanups.push(
    () => new Promise((resolve) => (server.closeAllConnections(), server.close(() => resolve()))),
  );
  return { client, requests, server };
}

function json(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

const configMap = (name: string, resourceVersion = "1"): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "shop", resourceVersion },
});

describe("requests", () => {
  it.each([
    ["get", "GET", "/api/v1/namespaces/shop/configmaps/a", undefined, ""],
    [
      "create",
      "POST",
      "/api/v1/namespaces/shop/configmaps?fieldManager=me&dryRun=All",
      "application/json",
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"shop"}}',
    ],
    [
      "update status",
      "PUT",
      "/api/v1/namespaces/shop/configmaps/a/status",
      "application/json",
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"shop"}}',
    ],
    [
      "merge patch",
      "PATCH",
      "/api/v1/namespaces/shop/configmaps/a",
      "application/merge-patch+json",
      '{"data":{"x":"1"}}',
    ],
    [
      "apply",
      "PATCH",
      "/api/v1/namespaces/shop/configmaps/a?fieldManager=me&force=true",
      "application/apply-patch+yaml",
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"shop","name":"a"},"data":{"x":"1"}}',
    ],
    [
      "delete",
      "DELETE",
      "/api/v1/namespaces/shop/configmaps/a",
      "application/json",
      '{"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Foreground"}',
    ],
  ])("%s", async (what, method, url, contentType, body) => {
    const { client, requests } = await scripted((_, response) => json(response, 200, configMap("a")));
    const key = { namespace: "shop", name: "a" };
    const metadata = { name: "a", namespace: "shop" };
    const calls: Record<string, () => Promise<unknown>> = {
      get: () => client.get(ConfigMap, key),
      create: () => client.create(ConfigMap, { metadata }, { fieldManager: "me", dryRun: true }),
      "update status": () => client.update(ConfigMap, { metadata }, { subresource: "status" }),
      "merge patch": () => client.patch(ConfigMap, key, { type: "merge", body: { data: { x: "1" } } }),
      apply: () =>
        client.apply(ConfigMap, { metadata: key, data: { x: "1" } }, { fieldManager: "me", force: true }),
      delete: () => client.delete(ConfigMap, key, { propagationPolicy: "Foreground" }),
    };
    await calls[what]?.();
    expect(requests[0]).toMatchObject({ method, url, body });
    expect(requests[0]?.headers["content-type"]).toBe(contentType);
  });

  it("refuses an address that would mean another resource", async () => {
    const { client, requests } = await scripted((_, response) => json(response, 200, configMap("a")));
    await expect(client.get(ConfigMap, { namespace: "shop", name: "" })).rejects.toThrow(
      "configmaps: metadata.name is required",
    );
    await expect(client.delete(Deployment, { name: "web" })).rejects.toThrow(
      'deployments.apps "web": metadata.namespace is required',
    );
    expect(requests).toEqual([]);
  });

  it("reads the token anew after 401", async () => {
    const { client, requests } = await scripted(
      (request, response) =>
        request.headers.authorization === "Bearer new"
          ? json(response, 200, configMap("a"))
          : json(response, 401, { kind: "Status", reason: "Unauthorized", code: 401 }),
      (refresh) => ({ token: refresh ? "new" : "old" }),
    );
    await client.get(ConfigMap, { namespace: "shop", name: "a" });
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer old", "Bearer new"]);
  });

  it("waits out throttling", async () => {
    let count = 0;
    const { client } = await scripted((_, response) => {
      count += 1;
      if (count === 1) json(response, 429, { kind: "Status", code: 429 }, { "retry-after": "0.01" });
      else json(response, 200, configMap("a"));
    });
    await expect(client.get(ConfigMap, { namespace: "shop", name: "a" })).resolves.toEqual(configMap("a"));
  });

  it("stops when its signal aborts", async () => {
    const { client } = await scripted(() => {});
    const stop = new AbortController();
    const answer = client.get(ConfigMap, { namespace: "shop", name: "a" }, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
  });
});

describe("errors", () => {
  it("carries the Status of the server", async () => {
    const status = {
      apiVersion: "v1",
      kind: "Status",
      metadata: {},
      status: "Failure",
      message: 'configmaps "a" not found',
      reason: "NotFound",
      code: 404,
    };
    const { client } = await scripted((_, response) => json(response, 404, status));
    const error: unknown = await client
      .get(ConfigMap, { namespace: "shop", name: "a" })
      .catch((e: unknown) => e);
    expect(isStatus(error, "NotFound") && error.status).toEqual(status);
  });

  it.each([
    [
      "a proxy's page",
      503,
      "<html>upstream\n  down</html>",
      "ServiceUnavailable",
      "HTTP 503: <html>upstream down</html>",
    ],
    ["nothing", 403, "", "Forbidden", "HTTP 403"],
    ["no JSON in a success", 200, "hello", "InternalError", "the API server's answer is not JSON: hello"],
    ["no object in a success", 200, "[1]", "InternalError", "the API server's answer is not an object: [1]"],
  ])("%s", async (_, code, body, reason, message) => {
    const { client } = await scripted((__, response) => response.writeHead(code).end(body));
    await expect(client.get(ConfigMap, { namespace: "shop", name: "a" })).rejects.toMatchObject({
      reason,
      message: `configmaps "shop/a": ${message}`,
    });
  });

  it("names the server and the cause when nobody answers", async () => {
    const { client, server } = await scripted(() => {});
    await new Promise((resolve) => server.close(resolve));
    await expect(client.get(ConfigMap, { namespace: "shop", name: "a" })).rejects.toMatchObject({
      reason: "ServiceUnavailable",
      message: expect.stringMatching(/^API server http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/),
    });
  });

  it("reports a connection that breaks inside the body", async () => {
    const { client } = await scripted((_, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"kind":');
      setImmediate(() => response.destroy());
    });
    await expect(client.get(ConfigMap, { namespace: "shop", name: "a" })).rejects.toMatchObject({
      reason: "ServiceUnavailable",
    });
  });
});

describe("list", () => {
  it("follows pages and fills in the kind of items", async () => {
    const { client, requests } = await scripted((request, response) => {
      const second = request.url?.includes("continue=more") === true;
      json(response, 200, {
        kind: "ConfigMapList",
        apiVersion: "v1",
        metadata: { resourceVersion: "7", ...(second ? {} : { continue: "more" }) },
        items: [{ metadata: { name: second ? "b" : "a", namespace: "shop" } }],
      });
    });
    const list = await client.list(ConfigMap, { namespace: "shop", labelSelector: "app=x" });
    expect(list.items).toEqual([
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "shop" } },
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "b", namespace: "shop" } },
    ]);
    expect(requests.map(({ url }) => url)).toEqual([
      "/api/v1/namespaces/shop/configmaps?labelSelector=app%3Dx&limit=500",
      "/api/v1/namespaces/shop/configmaps?labelSelector=app%3Dx&limit=500&continue=more",
    ]);
  });

  it("reads everything at once when the pages expire", async () => {
    const { client } = await scripted((request, response) => {
      if (request.url?.includes("continue=") === true) {
        return json(response, 410, { kind: "Status", reason: "Expired", code: 410 });
      }
      const paged = request.url?.includes("limit=") === true;
      json(response, 200, {
        metadata: { resourceVersion: "8", ...(paged ? { continue: "old" } : {}) },
        items: paged ? [configMap("a")] : [configMap("a"), configMap("b")],
      });
    });
    const { items } = await client.list(ConfigMap);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
  });
});

describe("watch", () => {
  const frame = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

  it("yields events however the bytes are cut", async () => {
    const text =
      frame("ADDED", { ...configMap("ä"), data: { x: "snö ☃" } }) +
      frame("BOOKMARK", { apiVersion: "v1", kind: "ConfigMap", metadata: { resourceVersion: "9" } }) +
      frame("DELETED", configMap("b", "10"));
    const bytes = Buffer.from(text + '{"type":"ADDED","obj'); // cut off: the server died
    const { client } = await scripted((_, response) => {
      response.writeHead(200);
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    });
    const events: string[] = [];
    for await (const event of client.watch(ConfigMap, { resourceVersion: "1" })) {
      events.push(`${event.type} ${event.object.metadata.name ?? event.object.metadata.resourceVersion}`);
    }
    expect(events).toEqual(["ADDED ä", "BOOKMARK 9", "DELETED b"]);
  });

  it.each([
    ["an ERROR frame", frame("ERROR", { kind: "Status", reason: "Expired", code: 410 }), "Expired"],
    ["a bad frame", "nonsense\n", "InternalError"],
    ["an unknown type", frame("FOO", configMap("a")), "InternalError"],
  ])("throws for %s", async (_, body, reason) => {
    const { client } = await scripted((__, response) => response.writeHead(200).end(body));
    const consume = async (): Promise<void> => {
      for await (const event of client.watch(ConfigMap)) void event;
    };
    await expect(consume()).rejects.toMatchObject({ reason });
  });

  it("ends without an error when its signal aborts", async () => {
    const { client } = await scripted((_, response) => {
      response.writeHead(200);
      response.write(frame("ADDED", configMap("a")));
    });
    const stop = new AbortController();
    const names: string[] = [];
    for await (const event of client.watch(ConfigMap, { signal: stop.signal })) {
      names.push(event.object.metadata.name);
      stop.abort();
    }
    expect(names).toEqual(["a"]);
  });
});

describe("resourceFor", () => {
  it("discovers once, and again for a kind that is new", async () => {
    let withRoute = false;
    const { client, requests } = await scripted((_, response) =>
      json(response, 200, {
        kind: "APIResourceList",
        resources: [
          { name: "gadgets", kind: "Gadget", namespaced: true },
          { name: "gadgets/status", kind: "Gadget", namespaced: true },
          ...(withRoute ? [{ name: "routes", kind: "Route", namespaced: false }] : []),
        ],
      }),
    );
    const gadget = { group: "x.io", version: "v1", kind: "Gadget", plural: "gadgets", namespaced: true };
    await expect(client.resourceFor("x.io/v1", "Gadget")).resolves.toEqual(gadget);
    await expect(client.resourceFor("x.io/v1", "Gadget")).resolves.toEqual(gadget);
    expect(requests.map(({ url }) => url)).toEqual(["/apis/x.io/v1"]);
    await expect(client.resourceFor("x.io/v1", "Route")).rejects.toThrow(
      'no matches for kind "Route" in version "x.io/v1"',
    );
    withRoute = true;
    await expect(client.resourceFor("x.io/v1", "Route")).resolves.toMatchObject({ plural: "routes" });
  });
});
