import { describe, expect, it } from "vitest";
import { toYaml } from "./build.ts";
import type { MemoryFile } from "./memory-file-system.ts";
import { memoryFileSystem } from "./memory-file-system.ts";
import type { FetchBounds, RemoteBuildOptions, RemoteFetcher } from "./remote-build.ts";
import { buildWithRemotes } from "./remote-build.ts";

const configMap = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n`;

/** A world of files and repositories, with a record of what was asked for. */
class World implements RemoteFetcher {
  readonly asked: string[] = [];
  readonly #files: Readonly<Record<string, string>>;
  readonly #repositories: Readonly<Record<string, Readonly<Record<string, MemoryFile>>>>;

  constructor(
    files: Readonly<Record<string, string>>,
    repositories: Readonly<Record<string, Readonly<Record<string, MemoryFile>>>> = {},
  ) {
    this.#files = files;
    this.#repositories = repositories;
  }

  async file(url: string): Promise<Uint8Array> {
    this.asked.push(`file ${url}`);
    const file = this.#files[url];
    if (file === undefined) throw new Error("HTTP Error: status code 404 (Not Found)");
    return Buffer.from(file);
  }

  async repository({ url, ref }: { url: string; ref: string }): Promise<ReadonlyMap<string, MemoryFile>> {
    this.asked.push(`repository ${url} ${ref}`);
    const repository = this.#repositories[`${url} ${ref}`];
    if (repository === undefined) throw new Error(`couldn't find remote ref ${ref}`);
    return new Map(Object.entries(repository));
  }
}

async function render(
  kustomization: string,
  fetcher: RemoteFetcher,
  options: Omit<RemoteBuildOptions, "fetcher"> = {},
): Promise<string> {
  const files = memoryFileSystem({ "app/kustomization.yaml": kustomization, "secret.txt": "local" });
  return toYaml((await buildWithRemotes(files, "/app", { ...options, fetcher })).resources);
}

describe("remote files and bases", () => {
  it("reads files by URL wherever a file may be named", async () => {
    const world = new World({
      "https://h.example/a.yaml": configMap("a"),
      "https://h.example/p.yaml": "- {op: add, path: /data, value: {patched: 'yes'}}",
    });
    const kustomization = `resources: [https://h.example/a.yaml]
patches: [{path: https://h.example/p.yaml, target: {kind: ConfigMap}}]
`;
    expect(await render(kustomization, world)).toBe(
      `apiVersion: v1\ndata:\n  patched: "yes"\nkind: ConfigMap\nmetadata:\n  name: a\n`,
    );
    expect(world.asked).toEqual(["file https://h.example/a.yaml", "file https://h.example/p.yaml"]);
  });

  it("follows repositories that name repositories, fetches each once, and tells the origin", async () => {
    const world = new World(
      { "https://h.example/o/inner": "<!doctype html><p>a: b: c" },
      {
        "https://github.com/o/outer v1": {
          "overlay/kustomization.yaml": `resources:\n- ../base\n- https://h.example/o/inner\n`,
          "base/kustomization.yaml": "resources: [cm.yaml]\n",
          "base/cm.yaml": { link: "../files/cm.yaml" },
          "files/cm.yaml": configMap("linked-out-of-its-base"),
        },
        "https://h.example/o/inner HEAD": {
          "kustomization.yaml": "resources: [i.yaml]",
          "i.yaml": configMap("i"),
        },
      },
    );
    const kustomization = `resources: [github.com/o/outer//overlay?ref=v1]
components: []
buildMetadata: [originAnnotations]
`;
    await expect(render(kustomization, world)).rejects.toThrow(
      /security; file '.*\/base\/cm.yaml' is not in or below/,
    );
    const again = new World(
      {},
      {
        "https://github.com/o/outer v1": {
          "overlay/kustomization.yaml": `resources:\n- ../base\n- github.com/o/outer//other?ref=v1\n- git@h.example:o/inner.git\n`,
          "base/kustomization.yaml": "resources: [cm.yaml]\n",
          "base/cm.yaml": configMap("base"),
          "other/kustomization.yaml": "resources: [cm.yaml]\n",
          "other/cm.yaml": configMap("other"),
        },
        "git@h.example:o/inner.git HEAD": {
          "kustomization.yaml": "resources: [i.yaml]",
          "i.yaml": configMap("i"),
        },
      },
    );
    const cm = (path: string, repo: string, name: string) => `apiVersion: v1
kind: ConfigMap
metadata:
  annotations:
    config.kubernetes.io/origin: |
      repo: ${repo}
      ${path}
  name: ${name}
`;
    expect(await render(kustomization, again)).toBe(
      [
        cm("ref: v1\n      path: base/cm.yaml", "https://github.com/o/outer", "base"),
        cm("path: i.yaml", "git@h.example:o/inner.git", "i"),
        cm("ref: v1\n      path: other/cm.yaml", "https://github.com/o/outer", "other"),
      ].join("---\n"),
    );
    expect(again.asked).toEqual([
      "repository https://github.com/o/outer v1",
      "repository git@h.example:o/inner.git HEAD",
    ]);
  });

  it("takes a URL without a file behind it for a repository", async () => {
    const world = new World(
      {},
      {
        "https://h.example/o/r HEAD": {
          "kustomization.yaml": "resources: [i.yaml]",
          "i.yaml": configMap("i"),
        },
      },
    );
    expect(await render("resources: [https://h.example/o/r]", world)).toBe(configMap("i"));
    expect(world.asked).toEqual(["file https://h.example/o/r", "repository https://h.example/o/r HEAD"]);
  });

  it("builds a remote base itself", async () => {
    const world = new World(
      {},
      {
        "https://github.com/o/r HEAD": {
          "k/Kustomization": "resources: [i.yaml]",
          "k/i.yaml": configMap("i"),
        },
      },
    );
    const result = await buildWithRemotes(memoryFileSystem({}), "github.com/o/r//k", { fetcher: world });
    expect(toYaml(result.resources)).toBe(configMap("i"));
  });
});

describe("remote bases are hostile", () => {
  const hostile = (kustomization: string, more: Record<string, MemoryFile> = {}) =>
    new World({}, { "https://github.com/o/r HEAD": { "kustomization.yaml": kustomization, ...more } });

  it.each<[what: string, world: World, message: RegExp]>([
    [
      "a base out of its clone",
      hostile("resources: [../../app]"),
      /not a valid directory|leads out of its clone/,
    ],
    ["itself", hostile("resources: [github.com/o/r]"), /cycle detected/],
    [
      "a file of this machine",
      hostile("configMapGenerator: [{name: x, files: [/secret.txt]}]"),
      /doesn't exist/,
    ],
    [
      "a file beside the clone",
      hostile("configMapGenerator: [{name: x, files: [../../secret.txt]}]"),
      /doesn't exist/,
    ],
    [
      "a link to this machine",
      hostile("configMapGenerator: [{name: x, files: [s]}]", { s: { link: "/secret.txt" } }),
      /doesn't exist/,
    ],
    ["nothing there", new World({}), /fetching 'github.com\/o\/r': couldn't find remote ref HEAD/],
  ])("%s", async (_what, world, message) => {
    const options = { loadRestrictor: "LoadRestrictionsNone" } as const;
    await expect(render("resources: [github.com/o/r]", world, options)).rejects.toThrow(message);
  });

  it("bounds number, depth, size and time", async () => {
    const chain: RemoteFetcher = {
      file: () => Promise.reject(new Error("no file")),
      repository: ({ url }) => Promise.resolve(new Map([["kustomization.yaml", `resources: ["${url}x"]`]])),
    };
    await expect(render("resources: [github.com/o/r]", chain)).rejects.toThrow(
      /is the 11th in a row, at most 10/,
    );
    await expect(render("resources: [github.com/o/r]", chain, { limits: { maxFetches: 3 } })).rejects.toThrow(
      /'https:\/\/github.com\/o\/rxx' is not fetched: a build may need 3 remote files and bases at most/,
    );
    const large = hostile(`# ${"x".repeat(2_000)}`);
    await expect(
      render("resources: [github.com/o/r]", large, { limits: { maxBytes: 1_000 } }),
    ).rejects.toThrow(/more than 1000 bytes/);
    const never = (_: unknown, { signal }: FetchBounds) =>
      new Promise<never>((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted"))),
      );
    const silent: RemoteFetcher = { file: never, repository: never };
    await expect(
      render("resources: [github.com/o/r]", silent, { limits: { fetchTimeoutMs: 20 } }),
    ).rejects.toThrow(/fetching 'github.com\/o\/r': no answer within 0.02 s/);
    await expect(
      render("resources: [github.com/o/r]", silent, { limits: { totalTimeoutMs: 20 } }),
    ).rejects.toThrow(/given up/);
    const controller = new AbortController();
    const building = render("resources: [github.com/o/r]", silent, { signal: controller.signal });
    controller.abort();
    await expect(building).rejects.toThrow(/given up/);
  });

  it("shows no password", async () => {
    const error: unknown = await render(
      "resources: [https://me:hunter2@h.example/o/r.git]",
      new World({}),
    ).catch((reason: unknown) => reason);
    expect(String(error)).toContain("https://h.example/o/r.git");
    expect(String(error)).not.toContain("hunter2");
  });
});
