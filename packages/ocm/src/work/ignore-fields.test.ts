import type { UnstructuredObject } from "@ai-edge/apimachinery";
import type { WorkIgnoreFields } from "@ai-edge/api";
import { describe, expect, it } from "vitest";
import { withoutIgnoredFields } from "./ignore-fields.ts";

function application(fields: object, annotations: Record<string, string> = {}): UnstructuredObject {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Application",
    metadata: { name: "a", annotations },
    ...fields,
  };
}

const onChange: WorkIgnoreFields = {
  condition: "OnSpokeChange",
  jsonPaths: [".operation"],
  jsonPointers: ["/metadata/annotations/argocd.argoproj.io~1refresh"],
};
const refresh = { "argocd.argoproj.io/refresh": "normal" };
const wanted = application({ operation: { sync: {} } }, refresh);

describe("withoutIgnoredFields", () => {
  it.each<[string, WorkIgnoreFields, UnstructuredObject | undefined, boolean, UnstructuredObject]>([
    ["a new object gets all", onChange, undefined, true, wanted],
    ["a changed manifest gets all", onChange, application({}), true, wanted],
    ["what the cluster removed stays removed", onChange, application({}), false, application({})],
    [
      "what the cluster changed stays changed",
      onChange,
      application({ operation: { sync: { revision: "x" } } }),
      false,
      application({}),
    ],
    [
      "what is as it was applied stays in",
      onChange,
      application({ operation: { sync: {} } }, refresh),
      false,
      wanted,
    ],
    [
      "OnSpokePresent leaves out what is there",
      { condition: "OnSpokePresent", jsonPaths: [".operation"] },
      application({ operation: 1 }),
      true,
      application({}, refresh),
    ],
    [
      "OnSpokePresent sets what is not",
      { condition: "OnSpokePresent", jsonPaths: [".operation"] },
      application({}),
      false,
      wanted,
    ],
  ])("%s", (_, rule, live, changed, expected) => {
    const resourceIdentifier = { group: "argoproj.io", resource: "applications", name: "a" };
    const config = {
      resourceIdentifier,
      updateStrategy: { type: "ServerSideApply" as const, serverSideApply: { ignoreFields: [rule] } },
    };
    expect(withoutIgnoredFields(wanted, config, live, changed)).toEqual(expected);
  });
});
