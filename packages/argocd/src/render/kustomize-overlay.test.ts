import { expect, test } from "vitest";
import { kustomizeOverlay, parseImageOverride } from "./kustomize-overlay.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;

test.each([
  ["nginx:1.2", { name: "nginx", newTag: "1.2" }],
  [`nginx@${DIGEST}`, { name: "nginx", digest: DIGEST }],
  ["nginx=quay.io/x/nginx:1.2", { name: "nginx", newName: "quay.io/x/nginx", newTag: "1.2" }],
  [`model=127.0.0.1:5000/m@${DIGEST}`, { name: "model", newName: "127.0.0.1:5000/m", digest: DIGEST }],
  [`a=b:1@${DIGEST}`, { name: "a", newName: "b", newTag: "1", digest: DIGEST }],
  ["a=:2", { name: "a", newTag: "2" }],
  ["host:5000/a", { name: "host:5000/a" }],
])("image override %s", (text, expected) => {
  expect(parseImageOverride(text)).toEqual(expected);
});

test("nothing to lay over", () => {
  expect(kustomizeOverlay("../app", undefined)).toEqual({ kustomization: undefined, warnings: [] });
  expect(kustomizeOverlay("../app", { version: "v5" })).toEqual({ kustomization: undefined, warnings: [] });
});

test("supported fields become a kustomization, others a warning", () => {
  expect(
    kustomizeOverlay("../app", {
      namePrefix: "x-",
      images: ["a=b:1"],
      commonLabels: { l: "v" },
      labelWithoutSelector: true,
      ignoreMissingComponents: true,
    }),
  ).toEqual({
    kustomization: {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: ["../app"],
      namePrefix: "x-",
      images: [{ name: "a", newName: "b", newTag: "1" }],
      labels: [{ pairs: { l: "v" }, includeSelectors: false, includeTemplates: false }],
    },
    warnings: ["source.kustomize.ignoreMissingComponents is not supported and was ignored"],
  });
});
