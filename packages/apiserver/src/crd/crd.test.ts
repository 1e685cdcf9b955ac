import {
  type CustomResourceDefinition,
  CustomResourceDefinition as Definitions,
  type JSONSchemaProps,
} from "@ai-edge/api";
import { type UnstructuredObject, resourceType } from "@ai-edge/apimachinery";
import type { Client } from "@ai-edge/client";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyDefaults } from "./defaulting.ts";
import { prune } from "./pruning.ts";
import { validateValue } from "./validation.ts";

const Widget = resourceType<UnstructuredObject>("example.org/v1", "Widget", "widgets", { namespaced: true });
const WidgetBeta = resourceType<UnstructuredObject>("example.org/v1beta1", "Widget", "widgets", {
  namespaced: true,
});

const schema: JSONSchemaProps = {
  type: "object",
  required: ["spec"],
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1 },
        colour: { type: "string", enum: ["red", "blue"], default: "red" },
        replicas: { type: "integer" },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    status: { type: "object", properties: { replicas: { type: "integer" }, phase: { type: "string" } } },
  },
};

const version = (name: string, storage: boolean): CustomResourceDefinition["spec"]["versions"][number] => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: schema },
  subresources: {
    status: {},
    scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
  },
  additionalPrinterColumns: [
    { name: "Size", type: "integer", jsonPath: ".spec.size" },
    { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
  ],
});

const definition: CustomResourceDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.org" },
  spec: {
    group: "example.org",
    names: { plural: "widgets", kind: "Widget", shortNames: ["wd"], categories: ["all"] },
    scope: "Namespaced",
    versions: [version("v1", true), version("v1beta1", false)],
  },
};

let api: TestApiServer;
let client: Client;
beforeAll(async () => {
  api = await startTestApiServer({ customResourceDefinitions: [definition] });
  ({ client } = api);
});
afterAll(() => api.close());

const widget = (name: string, spec: unknown): UnstructuredObject => ({
  apiVersion: "example.org/v1",
  kind: "Widget",
  metadata: { name, namespace: "default" },
  spec,
});

describe("a custom kind", () => {
  it("is defaulted, pruned and checked", async () => {
    const made = await client.create(Widget, widget("a", { size: 2, unknown: true, free: { any: [1] } }));
    expect(made["spec"]).toEqual({ size: 2, colour: "red", free: { any: [1] } });
    await expect(client.create(Widget, widget("b", { size: 0, colour: "green" }))).rejects.toThrow(
      'Widget.example.org "b" is invalid: [spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1, spec.colour: Unsupported value: "green": supported values: "red", "blue"]',
    );
    await expect(client.create(Widget, widget("b", {}))).rejects.toThrow("spec.size: Required value");
    await expect(client.create(Widget, widget("b", { size: "2" }))).rejects.toThrow(
      'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    );
    await expect(
      client.create(Widget, widget("b", { size: 1, sise: 2 }), { fieldValidation: "Strict" }),
    ).rejects.toThrow('strict decoding error: unknown field "spec.sise"');
  });

  it("has a status that only its subresource writes", async () => {
    const key = { namespace: "default", name: "st" };
    const made = await client.create(Widget, { ...widget("st", { size: 1 }), status: { phase: "lost" } });
    expect(made["status"]).toBeUndefined();
    const reported = await client.patch(
      Widget,
      key,
      { type: "merge", body: { spec: { size: 9 }, status: { phase: "Ready" } } },
      { subresource: "status" },
    );
    expect([reported["spec"], reported["status"], reported.metadata.generation]).toEqual([
      { size: 1, colour: "red" },
      { phase: "Ready" },
      1,
    ]);
    const changed = await client.patch(Widget, key, {
      type: "merge",
      body: { spec: { size: 9 }, status: { phase: "no" } },
    });
    expect([changed["status"], changed.metadata.generation]).toEqual([{ phase: "Ready" }, 2]);
  });

  it("is served in all its versions", async () => {
    await client.create(WidgetBeta, { ...widget("beta", { size: 1 }), apiVersion: "example.org/v1beta1" });
    expect((await client.get(Widget, { namespace: "default", name: "beta" })).apiVersion).toBe(
      "example.org/v1",
    );
    const { items } = await client.list(WidgetBeta, { namespace: "default" });
    expect(new Set(items.map((item) => item.apiVersion))).toEqual(new Set(["example.org/v1beta1"]));
  });

  it("scales", async () => {
    await client.create(Widget, widget("sc", { size: 1 }));
    const path = "/apis/example.org/v1/namespaces/default/widgets/sc/scale";
    const response = await client.request("PATCH", path, {
      body: '{"spec":{"replicas":4}}',
      headers: { "content-type": "application/merge-patch+json" },
    });
    expect(JSON.parse(await response.text())).toMatchObject({
      kind: "Scale",
      spec: { replicas: 4 },
      status: { replicas: 0 },
    });
    expect((await client.get(Widget, { namespace: "default", name: "sc" }))["spec"]).toMatchObject({
      replicas: 4,
    });
  });

  it("takes its objects along when it goes", async () => {
    const other: CustomResourceDefinition = {
      ...definition,
      metadata: { name: "gadgets.example.org" },
      spec: {
        ...definition.spec,
        names: { plural: "gadgets", kind: "Gadget" },
        versions: [version("v1", true)],
      },
    };
    const Gadget = resourceType<UnstructuredObject>("example.org/v1", "Gadget", "gadgets", {
      namespaced: true,
    });
    await client.create(Definitions, other);
    await client.create(Gadget, { ...widget("g", { size: 1 }), kind: "Gadget" });
    await client.delete(Definitions, { name: "gadgets.example.org" });
    await expect
      .poll(() =>
        client.get(Definitions, { name: "gadgets.example.org" }).catch((error: Error) => error.message),
      )
      .toMatch("not found");
    await client.create(Definitions, other);
    expect((await client.list(Gadget)).items).toEqual([]);
  });
});

describe("structural schemas", () => {
  it.each<[string, JSONSchemaProps, unknown, unknown, string[]]>([
    [
      "keep what is named",
      { type: "object", properties: { a: { type: "string" } } },
      { a: "1", b: 2 },
      { a: "1" },
      ["b"],
    ],
    [
      "keep maps",
      { type: "object", additionalProperties: { type: "object", properties: { x: {} } } },
      { k: { x: 1, y: 2 } },
      { k: { x: 1 } },
      ["k.y"],
    ],
    [
      "look into lists",
      { type: "array", items: { type: "object", properties: { x: {} } } },
      [{ x: 1 }, { y: 2 }],
      [{ x: 1 }, {}],
      ["[1].y"],
    ],
    [
      "preserve where told, but look into what is named",
      { "x-kubernetes-preserve-unknown-fields": true, properties: { a: { type: "object", properties: {} } } },
      { a: { z: 1 }, b: 1 },
      { a: {}, b: 1 },
      ["a.z"],
    ],
    [
      "know embedded resources",
      { "x-kubernetes-embedded-resource": true, properties: {} },
      { kind: "K", metadata: { name: "n" }, x: 1 },
      { kind: "K", metadata: { name: "n" } },
      ["x"],
    ],
  ])("%s", (_what, structural, value, pruned, unknown) => {
    const found: string[] = [];
    prune(value, structural, "", found);
    expect([value, found]).toEqual([pruned, unknown]);
  });

  it("fill in defaults, also in defaults", () => {
    const value = { list: [{}], nothing: null, kept: null };
    applyDefaults(value, {
      properties: {
        list: { items: { properties: { a: { default: 1 } } } },
        made: { default: {}, properties: { b: { default: "x" } } },
        nothing: { default: 5 },
        kept: { nullable: true, default: 6 },
      },
    });
    expect(value).toEqual({ list: [{ a: 1 }], made: { b: "x" }, nothing: 5, kept: null });
  });

  it.each<[JSONSchemaProps, unknown, string | undefined]>([
    [{ type: "string", maxLength: 2 }, "abc", "Too long: may not be more than 2 bytes"],
    [{ type: "string", pattern: "^a+$" }, "b", "Invalid value: \"b\":  in body should match '^a+$'"],
    [{ type: "array", maxItems: 1 }, [1, 2], "Too many: 2: must have at most 1 items"],
    [{ type: "array", "x-kubernetes-list-type": "set" }, ["a", "a"], 'Duplicate value: "a"'],
    [
      { type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] },
      [{ k: 1 }, { k: 1 }],
      'Duplicate value: {"k":1}',
    ],
    [{ "x-kubernetes-int-or-string": true }, "25%", undefined],
    [
      { "x-kubernetes-int-or-string": true },
      true,
      'Invalid value: "boolean":  in body must be of type integer,string: "boolean"',
    ],
    [{ type: "number" }, 1, undefined],
    [{ type: "string", nullable: true }, null, undefined],
    [
      { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      { a: 1, b: 1 },
      'Invalid value: {"a":1,"b":1}:  in body must validate one and only one schema (oneOf)',
    ],
    [
      { type: "object", additionalProperties: { type: "string" } },
      { a: 1 },
      'Invalid value: "integer": a in body must be of type string: "integer"',
    ],
  ])("check %j against %j", (structural, value, message) => {
    expect(validateValue(value, structural, "")[0]?.message).toBe(message);
  });
});
