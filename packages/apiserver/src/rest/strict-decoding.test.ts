import type { CustomResourceDefinition } from "@ai-edge/api";
import { StatusError } from "@ai-edge/apimachinery";
import { type TestApiServer, startTestApiServer } from "@ai-edge/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { duplicateFields } from "./duplicate-keys.ts";

const rule = (text: string): { rule: string }[] => [{ rule: text }];
const definition: CustomResourceDefinition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "ruled.example.org" },
  spec: {
    group: "example.org",
    names: { plural: "ruled", kind: "Ruled" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                "x-kubernetes-validations": rule("self.min <= self.max"),
                properties: {
                  min: { type: "integer" },
                  max: { type: "integer" },
                  list: {
                    type: "array",
                    items: { type: "string", "x-kubernetes-validations": rule("self != ''") },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer();
});
afterAll(() => api.close());

const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const RULED = "/apis/example.org/v1/namespaces/default/ruled";
const NOT_ENFORCED = "is not enforced: this server does not evaluate CEL";

/** The Warning headers of a request, or the message of its error. */
async function send(
  method: string,
  path: string,
  body: string,
  contentType = "application/json",
): Promise<string[] | string> {
  try {
    const response = await api.client.request(method, path, {
      body,
      headers: { "content-type": contentType },
    });
    await response.text();
    const header = response.headers["warning"];
    const text = Array.isArray(header) ? header.join(", ") : (header ?? "");
    return [...text.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, one = ""]) => one.replaceAll("\\", ""));
  } catch (error) {
    if (error instanceof StatusError) return `${error.status.code}: ${error.message}`;
    throw error;
  }
}

const twice = (name: string): string =>
  `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"},"data":{"a":"1","b":"2","a":"3"}}`;
const yamlTwice = (name: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  a: "1"\n  a: "2"\n`;
const STRICT = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error:';

describe("a key that is there twice", () => {
  it.each<[string, string, string, string[] | string]>([
    ["Strict", "application/json", twice("s"), `400: ${STRICT} duplicate field "data.a"`],
    ["Warn", "application/json", twice("w"), ['duplicate field "data.a"']],
    ["Ignore", "application/json", twice("i"), []],
    ["Strict", "application/yaml", yamlTwice("ys"), `400: ${STRICT} line 7: key "a" already set in map`],
    ["Warn", "application/yaml", yamlTwice("yw"), ['line 7: key "a" already set in map']],
    ["Ignore", "application/yaml", yamlTwice("yi"), []],
  ])("under fieldValidation %s in %s", async (validation, type, body, expected) => {
    expect(await send("POST", `${CONFIG_MAPS}?fieldValidation=${validation}`, body, type)).toEqual(expected);
  });

  it.each<[string, string, string[] | string]>([
    ["application/merge-patch+json", '{"data":{"x":"1","x":"2"}}', ['duplicate field "data.x"']],
    ["application/strategic-merge-patch+json", '{"data":{"x":"3"},"data":{}}', ['duplicate field "data"']],
    [
      "application/apply-patch+yaml",
      'apiVersion: v1\nkind: ConfigMap\ndata:\n  z: "1"\n  z: "2"\n',
      ['line 5: key "z" already set in map'],
    ],
  ])("in a patch of type %s", async (type, body, expected) => {
    await send("POST", CONFIG_MAPS, twice("patched"));
    expect(await send("PATCH", `${CONFIG_MAPS}/patched?fieldManager=test`, body, type)).toEqual(expected);
    expect(
      await send("PATCH", `${CONFIG_MAPS}/patched?fieldManager=test&fieldValidation=Strict`, body, type),
    ).toMatch("strict decoding error");
  });

  it.each<[string, string[]]>([
    ['{"a":1,"b":{"a":1}}', []],
    ['{"a":1,"a":2,"a":3}', ["a"]],
    ['{"a":[{"b":1},{"b":1,"b":[]}]}', ["a[1].b"]],
    [String.raw`{"a\"b":{"c":1,"\u0063":2}}`, ['a"b.c']],
    ['{"a":"\\\\","b":"{\\"a\\":1}","a":"x"}', ["a"]],
    ["[]", []],
    ['"text, with: {\\"a\\""', []],
  ])("is found in %s", (text, expected) => {
    expect(duplicateFields(text)).toEqual(expected);
  });

  it("is never found in what JSON.stringify writes (property)", () => {
    fc.assert(
      fc.property(fc.json(), (text) => duplicateFields(JSON.stringify(JSON.parse(text))).length === 0),
    );
  });
});

describe("a CEL rule of a custom kind", () => {
  it("is told to be without effect, when it is defined and where it would apply", async () => {
    const path = "spec.versions[0].schema.openAPIV3Schema.properties[spec]";
    expect(
      await send(
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        JSON.stringify(definition),
      ),
    ).toEqual([
      `${path}.x-kubernetes-validations[0]: rule "self.min <= self.max" ${NOT_ENFORCED}`,
      `${path}.properties[list].items.x-kubernetes-validations[0]: rule "self != ''" ${NOT_ENFORCED}`,
    ]);
    const object = (name: string, spec: unknown): string =>
      JSON.stringify({ apiVersion: "example.org/v1", kind: "Ruled", metadata: { name }, spec });
    expect(await send("POST", RULED, object("a", { min: 2, max: 1 }))).toEqual([
      `spec.x-kubernetes-validations[0]: rule "self.min <= self.max" ${NOT_ENFORCED}`,
    ]);
    expect(await send("POST", RULED, object("b", { list: ["", "x"] }))).toEqual([
      `spec.x-kubernetes-validations[0]: rule "self.min <= self.max" ${NOT_ENFORCED}`,
      `spec.list[0].x-kubernetes-validations[0]: rule "self != ''" ${NOT_ENFORCED}`,
      `spec.list[1].x-kubernetes-validations[0]: rule "self != ''" ${NOT_ENFORCED}`,
    ]);
    expect(await send("POST", RULED, object("c", undefined))).toEqual([]);
    const many = await send("POST", RULED, object("d", { list: Array.from({ length: 100 }, () => "x") }));
    expect(many).toContain("93 more x-kubernetes-validations rules are not enforced");
  });
});
