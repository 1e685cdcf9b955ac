import { expect, test } from "vitest";
import { parseRemoteRefs, resolveRevision } from "./revision.ts";

const commit = (digit: string): string => digit.repeat(40);

const REFS = parseRemoteRefs(
  [
    `${commit("a")}\tHEAD`,
    `${commit("a")}\trefs/heads/main`,
    `${commit("b")}\trefs/heads/release`,
    `${commit("c")}\trefs/tags/v1.0.0`,
    `${commit("d")}\trefs/tags/v1.2.0`,
    `${commit("e")}\trefs/tags/v1.2.0^{}`,
    `${commit("f")}\trefs/tags/v2.0.0`,
    "no ref at all",
  ].join("\n"),
);

test.each([
  ["nothing means HEAD", undefined, { commit: commit("a"), ref: "HEAD" }],
  ["empty means HEAD", "", { commit: commit("a"), ref: "HEAD" }],
  ["a branch", "release", { commit: commit("b"), ref: "refs/heads/release" }],
  ["a full ref", "refs/heads/main", { commit: commit("a"), ref: "refs/heads/main" }],
  ["an annotated tag means its commit", "v1.2.0", { commit: commit("e"), ref: "refs/tags/v1.2.0" }],
  ["a full commit is taken as it is", commit("9"), { commit: commit("9") }],
  ["a short commit of a tip", "bbbbbbb", { commit: commit("b"), ref: "refs/heads/release" }],
  ["a short commit that is no tip", "1234567", { commit: "1234567" }],
  ["a range takes the highest tag", "1.x", { commit: commit("e"), ref: "refs/tags/v1.2.0" }],
  ["any tag", "*", { commit: commit("f"), ref: "refs/tags/v2.0.0" }],
  ["caret", "^1.0.0", { commit: commit("e"), ref: "refs/tags/v1.2.0" }],
  ["tilde", "~1.0.0", { commit: commit("c"), ref: "refs/tags/v1.0.0" }],
  ["two bounds", ">=1.0.0 <2.0.0", { commit: commit("e"), ref: "refs/tags/v1.2.0" }],
])("%s", (_, target, expected) => {
  expect(resolveRevision(REFS, target)).toEqual(expected);
});

test("what is neither is an error that names it", () => {
  expect(() => resolveRevision(REFS, "no-such-branch")).toThrow(
    "unable to resolve 'no-such-branch' to a commit SHA",
  );
});
