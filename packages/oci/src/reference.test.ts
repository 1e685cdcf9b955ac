import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatReference, parseReference } from "./reference.ts";

const HEX = "a".repeat(64);

describe("parseReference", () => {
  it.each([
    ["ubuntu", { registry: "docker.io", repository: "library/ubuntu" }],
    ["ubuntu:22.04", { registry: "docker.io", repository: "library/ubuntu", tag: "22.04" }],
    ["index.docker.io/ubuntu", { registry: "docker.io", repository: "library/ubuntu" }],
    ["org/app", { registry: "docker.io", repository: "org/app" }],
    ["localhost/app", { registry: "localhost", repository: "app" }],
    ["localhost:5000/app", { registry: "localhost:5000", repository: "app" }],
    ["localhost:5000", { registry: "docker.io", repository: "library/localhost", tag: "5000" }],
    ["127.0.0.1:5000/models/iris:v1", { registry: "127.0.0.1:5000", repository: "models/iris", tag: "v1" }],
    ["[::1]:5000/a", { registry: "[::1]:5000", repository: "a" }],
    [
      `quay.io/a/b:t@sha256:${HEX}`,
      { registry: "quay.io", repository: "a/b", tag: "t", digest: `sha256:${HEX}` },
    ],
  ])("reads %s", (text, want) => expect(parseReference(text)).toEqual(want));

  it.each([
    ["", "it is empty"],
    ["quay.io/App", "the repository name must be lower case"],
    ["quay.io/a:b c", '"b c" is not a tag'],
    ["quay.io/a//b", '"a//b" is not a repository name'],
    ["quay.io/../b", '"../b" is not a repository name'],
    ["quay.io/a@sha256:12", '"sha256:12" is not a digest'],
    [`a/${"b".repeat(260)}`, "is not a repository name"],
  ])("refuses %j", (text, why) => expect(() => parseReference(text)).toThrow(why));

  it("gives back what it wrote", () => {
    const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/);
    const reference = fc.record(
      {
        registry: fc.constantFrom("quay.io", "localhost:5000", "10.0.0.1:80", "[fe80::1]:443"),
        repository: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
        tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
        digest: fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}` as const),
      },
      { requiredKeys: ["registry", "repository"] },
    );
    fc.assert(
      fc.property(reference, (value) => {
        expect(parseReference(formatReference(value))).toEqual(value);
      }),
    );
  });

  it("answers any text with a reference or its own error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseReference(text);
        } catch (error) {
          expect(error).toMatchObject({ name: "ReferenceError" });
        }
      }),
    );
  });
});
