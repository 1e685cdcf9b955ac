import { lookup } from "node:dns/promises";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readGitTree } from "./git-tree-file-system.ts";
import type { MemoryFile } from "./memory-file-system.ts";
import type { NetworkOptions } from "./network-fetcher.ts";
import { privateAddressCheck } from "./private-address.ts";
import type { FetchBounds } from "./remote-build.ts";
import type { RepositoryUrl } from "./repository-url.ts";
import { withoutCredentials } from "./repository-url.ts";
import { runGit } from "./run-git.ts";

type Wanted = Pick<RepositoryUrl, "url" | "ref" | "submodules">;

/** Submodules of submodules: deeper than this, nobody means it. */
const MAX_SUBMODULE_DEPTH = 5;
/** Submodules of one repository. */
const MAX_SUBMODULES = 20;
/** How often the size of what arrives is looked at. */
const SIZE_CHECK_MS = 200;
/** Packs are compressed and have more than the files: this much room beside `maxBytes`. */
const PACK_OVERHEAD_BYTES = 1024 * 1024;

/**
 * The files of a remote repository, by one fetch of depth 1 with the git of this machine: its configuration counts
 * (`insteadOf`, credential helpers, proxies), it never prompts, and nothing is checked out.
 */
export async function fetchRepository(
  wanted: Wanted,
  bounds: FetchBounds,
  options: NetworkOptions,
  depth = 0,
): Promise<ReadonlyMap<string, MemoryFile>> {
  await checkAddress(wanted.url, options);
  const repository = await mkdtemp(join(tmpdir(), "kustomize-remote-"));
  try {
    await fetchInto(repository, wanted, bounds, options);
    const { signal, maxBytes } = bounds;
    const { files, submodules } = await readGitTree({ repository, commit: "FETCH_HEAD", signal }, maxBytes);
    if (wanted.submodules && submodules.size > 0) {
      const sources = await readSubmoduleUrls(repository, files, wanted.url);
      await addSubmodules(files, submodules, sources, bounds, options, depth);
    }
    return files;
  } finally {
    await rm(repository, { recursive: true, force: true });
  }
}

async function fetchInto(
  repository: string,
  { url, ref }: Wanted,
  { signal, maxBytes }: FetchBounds,
  options: NetworkOptions,
): Promise<void> {
  const env = gitEnvironment(options.env ?? process.env);
  await runGit({ repository, args: ["init", "--quiet", "--bare", "--template="], env, signal });
  const tooLarge = new AbortController();
  const watch = setInterval(() => {
    void sizeOf(repository).then((bytes) => {
      if (bytes > maxBytes + PACK_OVERHEAD_BYTES) tooLarge.abort();
    });
  }, SIZE_CHECK_MS);
  const args = [
    "-c",
    "gc.auto=0",
    "-c",
    "maintenance.auto=false",
    "fetch",
    "--quiet",
    "--depth=1",
    "--no-tags",
  ];
  try {
    await runGit({
      repository,
      args: [...args, "--no-recurse-submodules", "--end-of-options", url, ref],
      env,
      signal: AbortSignal.any([signal, tooLarge.signal]),
    });
  } catch (error) {
    if (tooLarge.signal.aborted)
      throw new Error(`the repository has more than ${maxBytes} bytes`, { cause: error });
    throw error;
  } finally {
    clearInterval(watch);
  }
}

async function addSubmodules(
  files: Map<string, MemoryFile>,
  submodules: ReadonlyMap<string, string>,
  sources: ReadonlyMap<string, string>,
  bounds: FetchBounds,
  options: NetworkOptions,
  depth: number,
): Promise<void> {
  if (depth >= MAX_SUBMODULE_DEPTH) throw new Error(`submodules are more than ${MAX_SUBMODULE_DEPTH} deep`);
  if (submodules.size > MAX_SUBMODULES) throw new Error(`there are more than ${MAX_SUBMODULES} submodules`);
  for (const [path, ref] of submodules) {
    const url = sources.get(path);
    if (url === undefined) throw new Error(`no url found for submodule path '${path}' in .gitmodules`);
    const content = await fetchRepository({ url, ref, submodules: true }, bounds, options, depth + 1);
    for (const [name, file] of content) files.set(`${path}/${name}`, file);
  }
}

/** The `.gitmodules` of a tree: path to URL. */
async function readSubmoduleUrls(
  repository: string,
  files: ReadonlyMap<string, MemoryFile>,
  parent: string,
): Promise<ReadonlyMap<string, string>> {
  const content = files.get(".gitmodules");
  if (!(content instanceof Uint8Array)) return new Map();
  const input = Buffer.from(content).toString("utf8");
  const output = await runGit({ repository, args: ["config", "--file", "-", "--null", "--list"], input });
  const paths = new Map<string, string>();
  const urls = new Map<string, string>();
  for (const entry of output.toString("utf8").split("\0")) {
    const match = /^submodule\.([^\n]+)\.(path|url)\n([^]*)$/.exec(entry);
    if (match === null) continue;
    const [, name = "", field, value = ""] = match;
    (field === "path" ? paths : urls).set(name, value);
  }
  return new Map(
    [...paths].flatMap(([name, path]) => {
      const url = urls.get(name);
      return url === undefined ? [] : [[path, absoluteUrl(url, parent)] as const];
    }),
  );
}

/** `./x` and `../x` are relative to the URL of the repository, whose last part they replace. */
function absoluteUrl(url: string, parent: string): string {
  if (!url.startsWith("./") && !url.startsWith("../")) return url;
  let base = parent.replace(/\/$/, "");
  let rest = url;
  for (;;) {
    if (rest.startsWith("./")) {
      rest = rest.slice("./".length);
    } else if (rest.startsWith("../")) {
      base = base.replace(/[/:][^/:]*$/, "");
      rest = rest.slice("../".length);
    } else {
      return `${base}/${rest}`;
    }
  }
}

/** @throws Error for a URL that git may not fetch from at a manifest's wish */
async function checkAddress(url: string, options: NetworkOptions): Promise<void> {
  const name = withoutCredentials(url);
  const isScp = /^[A-Za-z0-9][\w.-]*@[\w.-]+[:/]/.test(url);
  const scheme = /^([a-z]+):\/\//.exec(url)?.[1];
  if (scheme === "file" && options.allowFileUrls !== true) {
    throw new Error(`'${name}' is a repository of this machine: name the base by path, or allow file URLs`);
  }
  if (scheme === "http" && options.allowInsecure !== true) {
    throw new Error(`'${name}' is not secure, repositories are fetched over https or ssh only`);
  }
  if (!isScp && (scheme === undefined || !["https", "http", "ssh", "file"].includes(scheme))) {
    throw new Error(`'${name}' is no URL that a repository is fetched from: https and ssh are`);
  }
  if (options.allowPrivateAddresses === true || scheme === undefined || !scheme.startsWith("http")) return;
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  // What does not resolve may still be led elsewhere by `insteadOf` or a proxy: git will tell.
  const addresses = await lookup(host, { all: true }).catch(() => []);
  const isPrivate = privateAddressCheck();
  const refused = addresses.find(({ address }) => isPrivate(address));
  if (refused === undefined) return;
  throw new Error(`host '${host}' has the address ${refused.address}, which is none of the public internet`);
}

/** The environment for a git that never asks and uses no transport that runs programs of a manifest's choice. */
function gitEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return {
    ...env,
    // Set where we run in a hook of git; they would point at another repository.
    GIT_DIR: undefined,
    GIT_WORK_TREE: undefined,
    GIT_INDEX_FILE: undefined,
    GIT_OBJECT_DIRECTORY: undefined,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_SSH_COMMAND: env["GIT_SSH_COMMAND"] ?? "ssh -o BatchMode=yes",
    // `file` for the user's own `insteadOf`; a manifest's URL has been checked.
    GIT_ALLOW_PROTOCOL: env["GIT_ALLOW_PROTOCOL"] ?? "https:http:ssh:file",
    LC_ALL: "C",
  };
}

async function sizeOf(directory: string): Promise<number> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
