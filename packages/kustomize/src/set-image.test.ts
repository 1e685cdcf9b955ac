import { describe, expect, it } from "vitest";
import { setImage } from "./set-image.ts";

const TEXT = `# The bike rental app
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization

resources:
  - ../base # shared

images:
  # the pipeline pins this
  - name: edge-model
    newName: registry.example/bike   # by the pipeline
    digest: "sha256:aaa"
  - name: other
    newTag: '1.10'
namePrefix: bike-
`;

describe("setImage", () => {
  it("changes the two values and nothing else", () => {
    expect(
      setImage(TEXT, { name: "edge-model", newName: "registry.example/car", digest: "sha256:bbb" }),
    ).toBe(TEXT.replace("registry.example/bike", "registry.example/car").replace("sha256:aaa", "sha256:bbb"));
  });

  it("returns the same text when nothing changes", () => {
    expect(
      setImage(TEXT, { name: "edge-model", newName: "registry.example/bike", digest: "sha256:aaa" }),
    ).toBe(TEXT);
  });

  it("replaces a tag by a digest and keeps comments and order", () => {
    expect(setImage(TEXT, { name: "other", digest: "sha256:ccc" })).toBe(
      TEXT.replace("newTag: '1.10'", "digest: sha256:ccc"),
    );
  });

  it("keeps a tag that looks like a number a text", () => {
    expect(setImage("images:\n- name: a\n  newTag: latest\n", { name: "a", newTag: "1.10" })).toBe(
      'images:\n- name: a\n  newTag: "1.10"\n',
    );
  });

  it("appends a missing entry, and a missing list", () => {
    expect(
      setImage("images:\n- name: a\n  newTag: b\n", { name: "c", newName: "d", digest: "sha256:e" }),
    ).toBe("images:\n- name: a\n  newTag: b\n- name: c\n  newName: d\n  digest: sha256:e\n");
    expect(setImage("resources:\n- a.yaml # here\n", { name: "c", newTag: "d" })).toBe(
      "resources:\n- a.yaml # here\nimages:\n- name: c\n  newTag: d\n",
    );
  });

  it.each([
    ["- a\n", "expected a map of fields"],
    ["images: a\n", "field 'images' must be a list"],
    ["a: [", "invalid Kustomization"],
  ])("refuses %j", (text, message) => {
    expect(() => setImage(text, { name: "a", newTag: "b" })).toThrow(message);
  });
});
