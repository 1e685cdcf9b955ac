import { describe, expect, it } from "vitest";
import { parseRepositoryUrl, withoutCredentials } from "./repository-url.ts";

describe("forms of remote bases, as kustomize hands them to git", () => {
  it.each<[reference: string, url: string, directory: string, ref: string]>([
    ["github.com/o/r", "https://github.com/o/r", ".", "HEAD"],
    ["github.com/o/r//path?ref=v1", "https://github.com/o/r", "path", "v1"],
    ["github.com/o/r/path/to?version=v1", "https://github.com/o/r", "path/to", "v1"],
    ["github.com/o/r//p/?version=b&ref=a", "https://github.com/o/r", "p", "a"],
    ["github.com/o/r//p?ref=feature/x&foo=1", "https://github.com/o/r", "p", "feature/x"],
    ["github.com/o/o.github.io//p", "https://github.com/o/o.github.io", "p", "HEAD"],
    ["github.com/o/o.github.io/p", "https://github.com/o/o.github.io", "p", "HEAD"],
    ["github.com:o/r//p", "https://github.com/o/r", "p", "HEAD"],
    ["GITHUB.com/o/r", "https://github.com/o/r", ".", "HEAD"],
    ["https://github.com/o/r", "https://github.com/o/r", ".", "HEAD"],
    ["http://github.com/o/r/sub?ref=a", "https://github.com/o/r", "sub", "a"],
    ["https://github.com/o/r.git/sub?ref=a", "https://github.com/o/r.git", "sub", "a"],
    ["https://github.com/o/r.git//sub?ref=a", "https://github.com/o/r.git", "sub", "a"],
    ["https://github.com/o/r?ref=", "https://github.com/o/r", ".", "HEAD"],
    ["https://github.com/o/r//?ref=a", "https://github.com/o/r", ".", "a"],
    ["https://www.github.com/o/r/p", "https://www.github.com/o/r", "p", "HEAD"],
    [
      "git::https://gitlab.example.com/g/s/r.git//p?ref=v1",
      "https://gitlab.example.com/g/s/r.git",
      "p",
      "v1",
    ],
    ["https://gitlab.example.com/g/s/r//p?ref=v1", "https://gitlab.example.com/g/s/r", "p", "v1"],
    ["https://gitlab.example.com/g/s/r", "https://gitlab.example.com/g/s", "r", "HEAD"],
    ["https://host.example:8443/o/r//p", "https://host.example:8443/o/r", "p", "HEAD"],
    ["https://host.example/o/r//sub/x.git", "https://host.example/o/r", "sub/x.git", "HEAD"],
    ["https://host.example/r.git", "https://host.example/r.git", ".", "HEAD"],
    ["https://user:pw@host.example/o/r//p", "https://user:pw@host.example/o/r", "p", "HEAD"],
    ["git@github.com:o/r", "git@github.com:o/r", ".", "HEAD"],
    ["git@github.com:o/r.git//p?ref=b", "git@github.com:o/r.git", "p", "b"],
    ["git@github.com/o/r/p", "git@github.com:o/r", "p", "HEAD"],
    ["org-123@github.com:o/r/p", "org-123@github.com:o/r", "p", "HEAD"],
    ["git::git@github.com:o/r.git//p", "git@github.com:o/r.git", "p", "HEAD"],
    ["git@gitlab.example.com:g/s/r.git//p", "git@gitlab.example.com:g/s/r.git", "p", "HEAD"],
    ["git@gitlab.example.com:g/r/p", "git@gitlab.example.com:g/r", "p", "HEAD"],
    ["git@host.example/o/r/p", "git@host.example/o/r", "p", "HEAD"],
    ["git@host.example:o/r.git?ref=a%2Fb", "git@host.example:o/r.git", ".", "a/b"],
    [
      "git@ssh.dev.azure.com:v3/org/project/repo//p",
      "git@ssh.dev.azure.com:v3/org/project/repo",
      "p",
      "HEAD",
    ],
    ["user@host.example:o/r//p", "user@host.example:o/r", "p", "HEAD"],
    ["ssh://git@github.com/o/r//p?ref=x", "git@github.com:o/r", "p", "x"],
    ["ssh://git@host.example:7999/o/r.git//p", "ssh://git@host.example:7999/o/r.git", "p", "HEAD"],
    ["ssh://host.example/o/r//p", "ssh://host.example/o/r", "p", "HEAD"],
    ["ssh://git@host.example/~/r.git//p", "ssh://git@host.example/~/r.git", "p", "HEAD"],
    ["ssh://git@host.example:22/r/p", "ssh://git@host.example:22/r/p", ".", "HEAD"],
    ["git::ssh://git@host.example:2222/r//p", "ssh://git@host.example:2222/r", "p", "HEAD"],
    ["git::http://git@host.example/o/r.git", "http://git@host.example/o/r.git", ".", "HEAD"],
    [
      "https://dev.azure.com/org/project/_git/r/sub?ref=m",
      "https://dev.azure.com/org/project/_git/r",
      "sub",
      "m",
    ],
    [
      "https://dev.azure.com/org/project/_git/r//sub",
      "https://dev.azure.com/org/project/_git/r",
      "sub",
      "HEAD",
    ],
    ["https://org@dev.azure.com/org/p/_git/r", "https://org@dev.azure.com/org/p/_git/r", ".", "HEAD"],
    ["https://host.example/a/_git/r.git//z", "https://host.example/a/_git/r.git", "z", "HEAD"],
    ["file:///srv/git/r.git//p?ref=x", "file:///srv/git/r.git", "p", "x"],
    ["file:///srv/git/r", "file:///srv/git/r", ".", "HEAD"],
    ["git::file:///srv/git/r//p", "file:///srv/git/r", "p", "HEAD"],
  ])("%s", (reference, url, directory, ref) => {
    expect(parseRepositoryUrl(reference)).toMatchObject({ url, directory, ref });
  });

  it.each([
    "../x",
    "./foo.git",
    "foo.git",
    "foo.git/bar",
    "a/b//c",
    "/srv/git/r.git",
    "host.example:o/r",
    "host.example/o/r",
    "host.example/o/r.git",
    "gh:o/r",
    "git::gh:o/r//p",
    "s3::https://host.example/o/r",
    "git://host.example/o/r.git//p",
    "ftp://host.example/o/r",
    "github.com/o",
    "github.com/",
    "https://host.example/",
    "https://host.example/x.yaml",
    "git@host.example:o",
    "github.com/o/r//../../etc",
    "github.com/o/r/../x",
    "github.com/../r",
    "ssh://-oProxyCommand=x/o/r",
    "git@-oProxyCommand=x:o/r",
    "two words/o/r.git",
    `github.com/o/${"r".repeat(3_000)}`,
  ])("%s is none", (reference) => {
    expect(parseRepositoryUrl(reference)).toBeUndefined();
  });

  it.each([
    ["", 27_000, true],
    ["?timeout=5&submodules=false", 5_000, false],
    ["?timeout=1m30s&submodules=0", 90_000, false],
    ["?timeout=1h", 3_600_000, true],
    ["?timeout=x&submodules=maybe", 27_000, true],
    ["?timeout=0s", 27_000, true],
  ])("options %s", (query, timeoutMs, submodules) => {
    expect(parseRepositoryUrl(`github.com/o/r//p${query}`)).toMatchObject({ timeoutMs, submodules });
  });

  it("hides credentials in messages", () => {
    expect(withoutCredentials("a 'https://user:pw@host.example/o' and ssh://git@h/o")).toBe(
      "a 'https://host.example/o' and ssh://h/o",
    );
  });
});
