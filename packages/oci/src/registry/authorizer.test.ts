import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "../digest.ts";
import { parseChallenge } from "./authorizer.ts";
import { createRegistryClient } from "./client.ts";
import { credentialsFor, parseDockerConfig } from "./credentials.ts";

const MANIFEST = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [],
});

describe("the Bearer token flow", () => {
  let server: Server;
  let host: string;
  let seen: string[];
  /** What each answered request carried. */
  let tokens: number;
  beforeEach(async () => {
    seen = [];
    tokens = 0;
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
      if (pathname === "/token") {
        seen.push(
          `token ${searchParams.get("service")} ${searchParams.getAll("scope").join(",")} ${request.headers.authorization ?? "anonymous"}`,
        );
        tokens += 1;
        return response.end(JSON.stringify({ token: `t${tokens}`, expires_in: 300 }));
      }
      seen.push(`${request.method} ${pathname} ${request.headers.authorization ?? "-"}`);
      if (pathname === "/v2/evil/manifests/latest") {
        return response.writeHead(401, { "www-authenticate": 'Bearer realm="ftp://example.com/"' }).end();
      }
      if (!/^Bearer t\d/.test(request.headers.authorization ?? "")) {
        const challenge = `Bearer realm="http://${host}/token",service="reg",scope="ignored"`;
        return response.writeHead(401, { "www-authenticate": challenge }).end();
      }
      if (pathname.includes("/blobs/"))
        return response
          .writeHead(307, { location: `http://localhost:${host.split(":")[1]}/elsewhere` })
          .end();
      return response
        .writeHead(200, { "content-type": "application/vnd.oci.image.index.v1+json" })
        .end(MANIFEST);
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  });
  afterEach(async () => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });

  it("fetches a token per scope, once, with the credentials", async () => {
    const client = createRegistryClient({ host, credentials: { username: "u", password: "p" } });
    const basic = `Basic ${Buffer.from("u:p").toString("base64")}`;
    await client.repository("a").manifest("latest");
    await client.repository("a").manifest("latest");
    await client.repository("b").manifest("latest");
    expect(seen).toEqual([
      "GET /v2/a/manifests/latest -",
      `token reg repository:a:pull ${basic}`,
      "GET /v2/a/manifests/latest Bearer t1",
      "GET /v2/a/manifests/latest Bearer t1",
      "GET /v2/b/manifests/latest -",
      `token reg repository:b:pull ${basic}`,
      "GET /v2/b/manifests/latest Bearer t2",
    ]);
    client.close();
  });

  it("takes no credentials along to another host, and refuses strange token services", async () => {
    const client = createRegistryClient({ host });
    await client
      .repository("a")
      .hasBlob(digestOf("x"))
      .catch(() => undefined);
    expect(seen.at(-1)).toBe("HEAD /elsewhere -");
    await expect(client.repository("evil").manifest("latest")).rejects.toThrow(
      "token service is at ftp://example.com: refused",
    );
    client.close();
  });

  it("refuses content that is not what its digest says", async () => {
    const client = createRegistryClient({ host });
    await expect(client.repository("a").manifest(digestOf("other"))).rejects.toThrow("refused");
    client.close();
  });
});

it.each([
  [
    'Bearer realm="https://auth/t",service="r",scope="repository:a:pull,push"',
    {
      scheme: "bearer",
      parameters: { realm: "https://auth/t", service: "r", scope: "repository:a:pull,push" },
    },
  ],
  ["Basic realm=x", { scheme: "basic", parameters: { realm: "x" } }],
  ["Negotiate", undefined],
  ["", undefined],
])("reads the challenge %s", (header, want) => expect(parseChallenge(header)).toEqual(want));

describe("a docker config", () => {
  const config = parseDockerConfig(
    JSON.stringify({
      auths: {
        "https://index.docker.io/v1/": { auth: Buffer.from("hub:secret").toString("base64") },
        "quay.io/team": { username: "robot", password: "pw" },
        "quay.io": { registrytoken: "tok" },
        "ghcr.io": {},
      },
      credsStore: "desktop",
    }),
    "config.json",
  );

  it.each([
    ["docker.io", "library/x", { username: "hub", password: "secret" }],
    ["quay.io", "team/x", { username: "robot", password: "pw" }],
    ["quay.io", "teammate/x", { token: "tok" }],
    ["ghcr.io", "x", undefined],
    ["other.io", "x", undefined],
  ])("gives for %s/%s", (registry, repository, want) =>
    expect(credentialsFor(config, registry, repository)).toEqual(want),
  );

  it("is refused without quoting it", () => {
    expect(() => parseDockerConfig("secret!", "secret ns/name")).toThrow(/^secret ns\/name: not JSON$/);
  });
});
