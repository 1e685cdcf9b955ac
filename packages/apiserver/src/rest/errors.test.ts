import { ConfigMap } from "@ai-edge/api";
import type { StatusError } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failedRequest } from "./testing/failed-request.ts";

let api: TestApiServer;
let client: Client;
beforeAll(async () => {
  api = await startTestApiServer();
  ({ client } = api);
});
afterAll(() => api.close());

const BASE = "/api/v1/namespaces/default/configmaps";

describe("errors, in upstream's words", () => {
  const object = (fields: object): string =>
    JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", ...fields });
  it.each<[string, string, string, string | undefined, number, string | RegExp]>([
    ["a missing object", "GET", `${BASE}/x`, undefined, 404, 'configmaps "x" not found'],
    [
      "a missing object of a group",
      "GET",
      "/apis/apps/v1/namespaces/default/deployments/x",
      undefined,
      404,
      'deployments.apps "x" not found',
    ],
    [
      "an unknown resource",
      "GET",
      "/apis/nope/v1/things",
      undefined,
      404,
      "the server could not find the requested resource",
    ],
    [
      "an unknown subresource",
      "GET",
      `${BASE}/x/status`,
      undefined,
      404,
      "the server could not find the requested resource",
    ],
    [
      "a missing namespace",
      "POST",
      "/api/v1/namespaces/nope/configmaps",
      object({ metadata: { name: "x" } }),
      404,
      'namespaces "nope" not found',
    ],
    [
      "no name",
      "POST",
      BASE,
      object({ metadata: {} }),
      422,
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      "a bad name",
      "POST",
      BASE,
      object({ metadata: { name: "A_b" } }),
      422,
      /ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain/,
    ],
    [
      "a bad label",
      "POST",
      BASE,
      object({ metadata: { name: "x", labels: { "a b": "c" } } }),
      422,
      /metadata.labels: Invalid value: "a b"/,
    ],
    [
      "another kind",
      "POST",
      BASE,
      JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata: { name: "x" } }),
      400,
      "the kind in the data (Secret) does not match the expected kind (ConfigMap)",
    ],
    [
      "another namespace",
      "POST",
      BASE,
      object({ metadata: { name: "x", namespace: "other" } }),
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    [
      "a resourceVersion on create",
      "POST",
      BASE,
      object({ metadata: { name: "x", resourceVersion: "1" } }),
      400,
      "resourceVersion should not be set on objects to be created",
    ],
    [
      "a wrong type",
      "POST",
      BASE,
      object({ metadata: { name: "x" }, data: { a: 1 } }),
      400,
      /ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data.a of type string/,
    ],
    [
      "an unknown field, strictly",
      "POST",
      `${BASE}?fieldValidation=Strict`,
      object({ metadata: { name: "x" }, dta: {} }),
      400,
      /strict decoding error: unknown field "dta"/,
    ],
    ["no JSON", "POST", BASE, "{", 400, /error decoding the body of the request/],
    ["a list for an object", "POST", BASE, "[]", 400, "the body of the request is not a JSON object"],
    ["an empty body", "POST", BASE, "", 400, "the body of the request is empty"],
    [
      "labels that are no strings",
      "POST",
      BASE,
      object({ metadata: { name: "x", labels: { a: 1 } } }),
      400,
      "the request's metadata.labels must be an object of strings",
    ],
    ["a bad selector", "GET", `${BASE}?labelSelector=a%20in`, undefined, 400, /./],
    [
      "a field that cannot be selected",
      "GET",
      `${BASE}?fieldSelector=data.a%3Db`,
      undefined,
      400,
      /field label not supported: data.a/,
    ],
    [
      "a resourceVersion that is no number",
      "GET",
      `${BASE}?resourceVersion=x`,
      undefined,
      400,
      /resourceVersion: Invalid value: "x"/,
    ],
    [
      "a resourceVersion of the future",
      "GET",
      `${BASE}?resourceVersion=999999999`,
      undefined,
      504,
      /Too large resource version: 999999999/,
    ],
    [
      "a made-up continue token",
      "GET",
      `${BASE}?limit=1&continue=abc`,
      undefined,
      400,
      /continue key is not valid/,
    ],
    [
      "dryRun other than All",
      "POST",
      `${BASE}?dryRun=Some`,
      object({ metadata: { name: "x" } }),
      422,
      /dryRun: Unsupported value/,
    ],
    [
      "a protected namespace",
      "DELETE",
      "/api/v1/namespaces/default",
      undefined,
      403,
      'namespaces "default" is forbidden: this namespace may not be deleted',
    ],
    [
      "pods/exec",
      "POST",
      "/api/v1/namespaces/default/pods/x/exec",
      undefined,
      503,
      /pods\/exec is not supported by the embedded API server/,
    ],
  ])("%s", async (_what, method, path, body, code, message) => {
    const status = await failedRequest(client, method, path, body);
    expect([status.kind, status.code]).toEqual(["Status", code]);
    if (typeof message === "string") expect(status.message).toBe(message);
    else expect(status.message).toMatch(message);
  });

  it.each<[string, string | Uint8Array, string, number, RegExp]>([
    ["not UTF-8", new Uint8Array([0x7b, 0xff, 0xfe]), "application/json", 400, /not valid UTF-8/],
    [
      "deep nesting",
      `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      "application/json",
      400,
      /nested deeper|decoding/,
    ],
    [
      "deep nesting of an object",
      `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`,
      "application/json",
      400,
      /nested deeper than 500/,
    ],
    [
      "more than 3 MiB",
      `{"a":"${"x".repeat(3 * 1024 * 1024)}"}`,
      "application/json",
      413,
      /limit on request body size is 3145728 bytes/,
    ],
    [
      "YAML aliases that explode",
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${"*a,".repeat(50)}]\nc: [${"*b,".repeat(50)}]`,
      "application/yaml",
      400,
      /alias/,
    ],
    ["an unknown media type", "x", "text/csv", 415, /unknown format/],
    [
      "protobuf that is none",
      new Uint8Array([1, 2, 3]),
      "application/vnd.kubernetes.protobuf",
      400,
      /not Kubernetes protobuf/,
    ],
    [
      "protobuf cut short",
      new Uint8Array([0x6b, 0x38, 0x73, 0, 0x12, 0x7f, 1]),
      "application/vnd.kubernetes.protobuf",
      400,
      /ends in the middle/,
    ],
  ])("a body with %s", async (_what, body, contentType, code, message) => {
    const status = await failedRequest(client, "POST", BASE, body, contentType);
    expect(status.code).toBe(code);
    expect(status.message).toMatch(message);
    expect(
      await client
        .get(ConfigMap, { namespace: "default", name: "alive" })
        .catch((error: StatusError) => error.reason),
    ).toBe("NotFound");
  });
});
