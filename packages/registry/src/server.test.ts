import { createHash } from "node:crypto";
import path from "node:path";
import { createRegistryClient, type Digest, digestOf } from "@ai-edge/oci";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startRegistry } from "./server.ts";
import { RegistryPlace } from "./testing/registry-place.ts";

let place: RegistryPlace;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  place = await RegistryPlace.make();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await place.remove();
});

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

async function call(
  method: string,
  target: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(new URL(target, place.server.url), {
    method,
    headers,
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function upload(repository: string, content: string): Promise<Digest> {
  const digest = digestOf(content);
  const answer = await call("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, content);
  expect(answer.status).toBe(201);
  return digest;
}

const hex = (text: string, algorithm: string): string => createHash(algorithm).update(text).digest("hex");

describe("blobs", () => {
  it("takes a blob in one POST, in POST + PUT, and in chunks", async () => {
    await upload("a/b", "one");
    const two = await call("POST", "/v2/a/b/blobs/uploads/");
    expect(two.status).toBe(202);
    expect(
      (await call("PUT", `${two.headers.get("location")}?digest=${digestOf("two")}`, "two")).status,
    ).toBe(201);
    const { headers } = await call("POST", "/v2/a/b/blobs/uploads/");
    const location = headers.get("location") ?? "";
    expect((await call("PATCH", location, "abc", { "content-range": "0-2" })).headers.get("range")).toBe(
      "0-2",
    );
    const gap = await call("PATCH", location, "xyz", { "content-range": "5-7" });
    expect([gap.status, gap.headers.get("range"), JSON.parse(gap.text).errors[0].code]).toEqual([
      416,
      "0-2",
      "RANGE_INVALID",
    ]);
    const status = await call("GET", location);
    expect([status.status, status.headers.get("range"), status.headers.get("location")]).toEqual([
      204,
      "0-2",
      location,
    ]);
    expect(
      (await call("PUT", `${location}?digest=${digestOf("abcdef")}`, "def", { "content-range": "3-5" }))
        .status,
    ).toBe(201);
    expect((await call("GET", `/v2/a/b/blobs/${digestOf("abcdef")}`)).text).toBe("abcdef");
    expect((await call("GET", location)).status).toBe(404);
  });

  it("takes sha512 and empty blobs", async () => {
    const digest = `sha512:${hex("x", "sha512")}`;
    expect((await call("POST", `/v2/a/blobs/uploads/?digest=${digest}`, "x")).status).toBe(201);
    expect((await call("GET", `/v2/a/blobs/${digest}`)).text).toBe("x");
    const empty = await upload("a", "");
    expect((await call("GET", `/v2/a/blobs/${empty}`)).status).toBe(200);
  });

  it("refuses content that is not what its digest says, and forgets it", async () => {
    const { headers } = await call("POST", "/v2/a/blobs/uploads/");
    const refused = await call("PUT", `${headers.get("location")}?digest=${digestOf("good")}`, "evil");
    expect([refused.status, JSON.parse(refused.text).errors[0].code]).toEqual([400, "DIGEST_INVALID"]);
    expect((await call("HEAD", `/v2/a/blobs/${digestOf("good")}`)).status).toBe(404);
    expect((await call("PUT", `${headers.get("location")}?digest=nonsense`, "x")).status).toBe(400);
  });

  it.each([
    ["bytes=2-4", 206, "cde", "bytes 2-4/10"],
    ["bytes=7-", 206, "hij", "bytes 7-9/10"],
    ["bytes=-2", 206, "ij", "bytes 8-9/10"],
    ["bytes=8-99", 206, "ij", "bytes 8-9/10"],
    ["bytes=10-", 416, undefined, "bytes */10"],
    ["bytes=5-2", 416, undefined, "bytes */10"],
    ["lines=1-2", 200, "abcdefghij", null],
  ])("answers the range %s", async (range, status, text, contentRange) => {
    const digest = await upload("a", "abcdefghij");
    const answer = await call("GET", `/v2/a/blobs/${digest}`, undefined, { range });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([status, contentRange]);
    if (text !== undefined) expect(answer.text).toBe(text);
  });

  it("mounts from another repository, and keeps repositories apart otherwise", async () => {
    const digest = await upload("a", "shared");
    expect((await call("HEAD", `/v2/b/blobs/${digest}`)).status).toBe(404);
    expect((await call("POST", `/v2/b/blobs/uploads/?mount=${digest}&from=a`)).status).toBe(201);
    expect((await call("DELETE", `/v2/a/blobs/${digest}`)).status).toBe(202);
    expect((await call("HEAD", `/v2/a/blobs/${digest}`)).status).toBe(404);
    expect((await call("HEAD", `/v2/b/blobs/${digest}`)).status).toBe(200);
    expect((await call("POST", `/v2/b/blobs/uploads/?mount=${digestOf("none")}&from=a`)).status).toBe(202);
  });

  it("goes on with an upload after a restart", async () => {
    const { headers } = await call("POST", "/v2/a/blobs/uploads/");
    const location = headers.get("location") ?? "";
    await call("PATCH", location, "before ");
    await place.restart();
    expect((await call("GET", location)).headers.get("range")).toBe("0-6");
    expect((await call("PUT", `${location}?digest=${digestOf("before after")}`, "after")).status).toBe(201);
  });
});

describe("manifests", () => {
  const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  async function manifest(repository: string, more: object = {}): Promise<string> {
    const config = {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: await upload(repository, "{}"),
      size: 2,
    };
    return JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config,
      layers: [],
      unknown: "kept",
      ...more,
    });
  }

  it("keeps bytes, lists tags by pages, and deletes", async () => {
    const text = await manifest("m");
    for (const tag of ["c", "a", "b"])
      expect((await call("PUT", `/v2/m/manifests/${tag}`, text, { "content-type": MANIFEST })).status).toBe(
        201,
      );
    const got = await call("GET", "/v2/m/manifests/a");
    expect([got.text, got.headers.get("docker-content-digest"), got.headers.get("content-type")]).toEqual([
      text,
      digestOf(text),
      MANIFEST,
    ]);
    const first = await call("GET", "/v2/m/tags/list?n=2");
    expect([JSON.parse(first.text), first.headers.get("link")]).toEqual([
      { name: "m", tags: ["a", "b"] },
      '</v2/m/tags/list?n=2&last=b>; rel="next"',
    ]);
    expect(JSON.parse((await call("GET", "/v2/m/tags/list?n=2&last=b")).text).tags).toEqual(["c"]);
    expect(JSON.parse((await call("GET", "/v2/_catalog")).text)).toEqual({ repositories: ["m"] });
    expect((await call("DELETE", "/v2/m/manifests/a")).status).toBe(202);
    expect((await call("DELETE", `/v2/m/manifests/${digestOf(text)}`)).status).toBe(202);
    expect(JSON.parse((await call("GET", "/v2/m/tags/list")).text).tags).toEqual([]);
    expect((await call("GET", `/v2/m/manifests/${digestOf(text)}`)).status).toBe(404);
  });

  it("refuses holes, noise and false names", async () => {
    const hole = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: "x/y", digest: digestOf("none"), size: 4 },
      layers: [],
    });
    const codes = async (target: string, body: string): Promise<unknown> => {
      const answer = await call("PUT", target, body, { "content-type": MANIFEST });
      return [answer.status, JSON.parse(answer.text).errors[0].code];
    };
    expect(await codes("/v2/m/manifests/t", hole)).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
    expect(await codes("/v2/m/manifests/t", "noise")).toEqual([400, "MANIFEST_INVALID"]);
    expect(await codes(`/v2/m/manifests/${digestOf("other")}`, await manifest("m"))).toEqual([
      400,
      "DIGEST_INVALID",
    ]);
    expect(await codes("/v2/M/manifests/t", "{}")).toEqual([400, "NAME_INVALID"]);
    expect((await call("GET", "/v2/m/manifests/..%2f..%2fx")).status).toBe(404);
    expect((await call("GET", "/etc/passwd")).status).toBe(404);
  });

  it("lists referrers, filtered, also before their subject comes", async () => {
    const subject = { mediaType: MANIFEST, digest: digestOf("absent"), size: 6 };
    const text = await manifest("m", { subject, artifactType: "a/sig", annotations: { k: "v" } });
    expect(
      (
        await call("PUT", `/v2/m/manifests/${digestOf(text)}`, text, { "content-type": MANIFEST })
      ).headers.get("oci-subject"),
    ).toBe(subject.digest);
    const list = async (query: string): Promise<unknown[]> =>
      JSON.parse((await call("GET", `/v2/m/referrers/${subject.digest}${query}`)).text).manifests;
    expect(await list("")).toEqual([
      {
        mediaType: MANIFEST,
        digest: digestOf(text),
        size: text.length,
        artifactType: "a/sig",
        annotations: { k: "v" },
      },
    ]);
    expect(await list("?artifactType=other")).toEqual([]);
    await call("DELETE", `/v2/m/manifests/${digestOf(text)}`);
    expect(await list("")).toEqual([]);
  });
});

describe("access", () => {
  it("asks for credentials, and lets users do what they may", async () => {
    await place.restart({
      authenticate: async (header) =>
        header === `Basic ${Buffer.from("edge:secret").toString("base64")}` ? { name: "edge" } : undefined,
      authorize: async (_, action, repository) => action === "pull" || repository.startsWith("open/"),
    });
    const refused = await call("GET", "/v2/");
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
      401,
      'Basic realm="ai-edge registry"',
    ]);
    const wrong = createRegistryClient({
      host: place.server.host,
      credentials: { username: "edge", password: "guess" },
    });
    const right = createRegistryClient({
      host: place.server.host,
      credentials: { username: "edge", password: "secret" },
    });
    closing.push(
      () => wrong.close(),
      () => right.close(),
    );
    await expect(wrong.ping()).rejects.toThrow("401 UNAUTHORIZED");
    await right.ping();
    const blob = { mediaType: "a/b", digest: digestOf("x"), size: 1 };
    await expect(right.repository("closed/x").putBlob(blob, () => bytes("x"))).rejects.toThrow("403 DENIED");
    await right.repository("open/x").putBlob(blob, () => bytes("x"));
  });
});

it("says when its port is taken", async () => {
  const port = Number(new URL(place.server.url).port);
  await expect(
    startRegistry({
      dataDir: path.join(place.directory, "second"),
      listen: { host: "127.0.0.1", port },
      logger: pino({ level: "silent" }),
    }),
  ).rejects.toThrow("EADDRINUSE");
});
