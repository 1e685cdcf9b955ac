import type { ApplicationSet } from "@ai-edge/api";
import { describe, expect, test } from "vitest";
import { decisionParameters } from "./decision-generator.ts";
import { fillTags, renderApplication } from "./template.ts";

test.each([
  ["{{name}}-app", "edge-app"],
  ["{{ name }}/{{name}}", "edge/edge"],
  ["{{unknown}}-{{name}}", "{{unknown}}-edge"],
  ["{{values.zone}}", "eu"],
  ["{{constructor}}", "{{constructor}}"],
  ["{ {name} }", "{ {name} }"],
  ["plain", "plain"],
])("%s becomes %s", (text, expected) => {
  expect(fillTags(text, { name: "edge", "values.zone": "eu" })).toBe(expected);
});

function applicationSet(template: ApplicationSet["spec"]["template"], preserve = false): ApplicationSet {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "ApplicationSet",
    metadata: { name: "set", namespace: "argo", uid: "u" },
    spec: {
      generators: [],
      template,
      ...(preserve ? { syncPolicy: { preserveResourcesOnDeletion: true } } : {}),
    },
  };
}

const SPEC = { project: "default", destination: { server: "{{server}}", namespace: "x" } };

describe("renderApplication", () => {
  test("fills keys and values, and lets the resources go with the Application", () => {
    const set = applicationSet({
      metadata: { name: "{{name}}-a", labels: { "site/{{name}}": "true" } },
      spec: SPEC,
    });
    expect(renderApplication(set, { name: "edge", server: "https://edge" })).toEqual({
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Application",
      metadata: {
        name: "edge-a",
        namespace: "argo",
        labels: { "site/edge": "true" },
        finalizers: ["resources-finalizer.argocd.argoproj.io"],
        ownerReferences: [
          {
            apiVersion: "argoproj.io/v1alpha1",
            kind: "ApplicationSet",
            name: "set",
            uid: "u",
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: { project: "default", destination: { server: "https://edge", namespace: "x" } },
    });
  });

  test("preserveResourcesOnDeletion leaves the finalizer out", () => {
    const set = applicationSet({ metadata: { name: "a" }, spec: SPEC }, true);
    expect(renderApplication(set, {}).metadata.finalizers).toBeUndefined();
  });

  test("a name with a tag left is refused", () => {
    const set = applicationSet({ metadata: { name: "{{nmae}}-a" }, spec: SPEC });
    expect(() => renderApplication(set, { name: "edge" })).toThrow(
      'template.metadata.name: "{{nmae}}-a" is no name',
    );
  });
});

describe("decisionParameters", () => {
  const resource = {
    type: {
      group: "g",
      version: "v1",
      kind: "placementdecisions",
      plural: "placementdecisions",
      namespaced: true,
    },
    statusListKey: "decisions",
    matchKey: "clusterName",
  };
  const decision = (name: string, clusters: string[] | undefined) => ({
    apiVersion: "g/v1",
    kind: "PlacementDecision",
    metadata: { name, labels: { p: "x" } },
    ...(clusters === undefined
      ? {}
      : { status: { decisions: clusters.map((clusterName) => ({ clusterName, reason: "", score: 3 })) } }),
  });
  const secret = (name: string) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `${name}-secret` },
    data: {
      name: Buffer.from(name).toString("base64"),
      server: Buffer.from(`https://${name}`).toString("base64"),
    },
  });
  const generator = { configMapRef: "c", labelSelector: { matchLabels: { p: "x" } }, values: { zone: "eu" } };

  test("every key of a decision, name and server, over all pages", () => {
    const pages = [decision("p-1", ["a"]), decision("p-2", ["b"])];
    expect(decisionParameters(generator, resource, pages, [secret("a")])).toEqual([
      {
        parameters: {
          clusterName: "a",
          reason: "",
          score: "3",
          "values.zone": "eu",
          name: "a",
          server: "https://a",
        },
        isUnregistered: false,
      },
      {
        parameters: { clusterName: "b", reason: "", score: "3", "values.zone": "eu", name: "b", server: "" },
        isUnregistered: true,
      },
    ]);
  });

  test("an explicit empty decision is an answer", () => {
    expect(decisionParameters(generator, resource, [decision("p-1", [])], [])).toEqual([]);
  });

  test.each([
    ["no page at all", generator, [], "no placementdecisions found"],
    [
      "a page without status beside a full one",
      generator,
      [decision("p-1", ["a"]), decision("p-2", undefined)],
      "p-2 has no status.decisions yet",
    ],
    [
      "both selectors",
      { ...generator, name: "p-1" },
      [decision("p-1", ["a"])],
      "either name or labelSelector",
    ],
    ["no selector", { configMapRef: "c" }, [decision("p-1", ["a"])], "either name or labelSelector"],
    [
      "a name that is not there",
      { configMapRef: "c", name: "q" },
      [decision("p-1", ["a"])],
      "no placementdecisions found: q",
    ],
  ])("%s is no answer", (_, withGenerator, pages, message) => {
    expect(() => decisionParameters(withGenerator, resource, pages, [])).toThrow(message);
  });
});
