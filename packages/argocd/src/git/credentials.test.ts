import type { Secret } from "@ai-edge/api";
import { expect, test } from "vitest";
import { credentialConfig, findCredentials } from "./credentials.ts";

function secret(type: string, data: Record<string, string>): Secret {
  const encoded = Object.entries(data).map(
    ([key, value]) => [key, Buffer.from(value).toString("base64")] as const,
  );
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s", labels: { "argocd.argoproj.io/secret-type": type } },
    data: Object.fromEntries(encoded),
  };
}

const SECRETS = [
  secret("repo-creds", { url: "https://git.example", username: "site", password: "one" }),
  secret("repo-creds", { url: "https://git.example/team", username: "team", password: "two" }),
  secret("repository", { url: "https://git.example/team/own.git", username: "own", password: "three" }),
  secret("repository", { url: "https://git.example/team/bare", insecure: "true" }),
  secret("repository", { url: "https://git.example/token", bearerToken: "four" }),
  secret("cluster", { url: "https://other.example", username: "no", password: "no" }),
];

test.each([
  ["a prefix", ["https://git.example/a/b.git"], { username: "site", password: "one" }],
  ["the longest prefix", ["https://git.example/team/b"], { username: "team", password: "two" }],
  [
    "an exact repository, whatever the suffix and case of the host",
    ["https://GIT.example/team/own/"],
    { username: "own", password: "three" },
  ],
  [
    "an exact repository without credentials takes the prefix's",
    ["https://git.example/team/bare.git"],
    { username: "team", password: "two", insecure: true },
  ],
  ["a bearer token", ["https://git.example/token"], { bearerToken: "four" }],
  ["the URL behind insteadOf", ["https://github.com/x/y", "https://git.example/x/y"], { username: "site" }],
])("%s", (_, urls, expected) => {
  expect(findCredentials(SECRETS, urls)).toMatchObject(expected);
});

test.each([["https://git.example.evil.com/x"], ["https://other.example/x"], ["http://git.example/x"]])(
  "nothing for %s",
  (url) => {
    expect(findCredentials(SECRETS, [url])).toBeUndefined();
  },
);

test("credentials are presented to their URL only, and line breaks cannot add headers", () => {
  const [found] = [
    findCredentials(
      [secret("repo-creds", { url: "https://git.example", bearerToken: "a\r\nX-Evil: 1" })],
      ["https://git.example/x"],
    ),
  ];
  expect(credentialConfig("https://git.example/x", found)).toEqual([
    ["http.https://git.example/x.extraHeader", "Authorization: Bearer aX-Evil: 1"],
  ]);
  expect(credentialConfig("file:///x", found)).toEqual([]);
});
