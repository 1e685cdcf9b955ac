import type { BuildOptions, BuildResult } from "./build.ts";
import { buildFrom } from "./build.ts";
import { asError } from "./build-error.ts";
import type { FileSystem } from "./file-system.ts";
import type { MemoryFile } from "./memory-file-system.ts";
import { memoryFileSystem } from "./memory-file-system.ts";
import type { RemoteBase, RemoteSource } from "./remote.ts";
import type { RepositoryUrl } from "./repository-url.ts";
import { parseRepositoryUrl, withoutCredentials } from "./repository-url.ts";

/** What one fetch may use. */
export interface FetchBounds {
  readonly maxBytes: number;
  /** Aborts when the time is up or the caller gives up. */
  readonly signal: AbortSignal;
}

/** Gets remote files and repositories. {@link networkFetcher} is a real one. */
export interface RemoteFetcher {
  /** The content of an http(s) file. @throws Error when it cannot be had: the build then takes the URL for a repository */
  file(url: string, bounds: FetchBounds): Promise<Uint8Array>;
  /** The files of a repository at a ref, by their path from its root. */
  repository(
    repository: Pick<RepositoryUrl, "url" | "ref" | "submodules">,
    bounds: FetchBounds,
  ): Promise<ReadonlyMap<string, MemoryFile>>;
}

export interface RemoteLimits {
  /** Files and repositories of one build. */
  readonly maxFetches: number;
  /** Bytes of all of them together. */
  readonly maxBytes: number;
  /** For one fetch; a URL's own `timeout` may shorten it. */
  readonly fetchTimeoutMs: number;
  /** For all of them. */
  readonly totalTimeoutMs: number;
}

export interface RemoteBuildOptions extends BuildOptions {
  readonly fetcher: RemoteFetcher;
  readonly limits?: Partial<RemoteLimits>;
  readonly signal?: AbortSignal;
}

const DEFAULT_LIMITS: RemoteLimits = {
  // Each fetch repeats the build up to where it was missing, see below.
  maxFetches: 50,
  // A GitOps repository is a few megabytes; some carry models, which bases do not need.
  maxBytes: 128 * 1024 * 1024,
  fetchTimeoutMs: 60_000,
  totalTimeoutMs: 300_000,
};

/**
 * As {@link build}, with remote files and bases fetched by `fetcher`; nothing else is. What is needed is learnt from
 * the build itself: it stops at what is missing, that is fetched, and it starts over. So whatever kustomize would
 * read from the network is found, wherever a kustomization may name it, in repositories that are fetched too.
 * @param path the directory, absolute in the file system, or a remote base
 * @throws Error that names the reference and what failed, without credentials
 */
export async function buildWithRemotes(
  fileSystem: FileSystem,
  path: string,
  options: RemoteBuildOptions,
): Promise<BuildResult> {
  const remotes = new Remotes(options.fetcher, { ...DEFAULT_LIMITS, ...options.limits }, options.signal);
  for (;;) {
    let failure: Error | undefined;
    let result: BuildResult | undefined;
    try {
      result = buildFrom(fileSystem, path, options, remotes);
    } catch (error) {
      failure = asError(error);
    }
    // Each turn settles one reference at least, and their number is bounded.
    if (await remotes.fetchMissing()) continue;
    if (result === undefined) throw failure ?? new Error(`building '${path}' failed`);
    return result;
  }
}

/** An answer that is kept for the further runs of the build: what was fetched, or why not. */
type Settled<T> = { readonly value: T } | { readonly error: Error };

/** The source of one build. What is not there yet is an error, noted as missing. */
class Remotes implements RemoteSource {
  readonly #fetcher: RemoteFetcher;
  readonly #limits: RemoteLimits;
  readonly #signal: AbortSignal;
  readonly #files = new Map<string, Settled<Uint8Array>>();
  readonly #clones = new Map<string, Settled<Omit<RemoteBase, "directory">>>();
  readonly #missing = new Map<string, () => Promise<void>>();
  #fetches = 0;
  #bytes = 0;

  constructor(fetcher: RemoteFetcher, limits: RemoteLimits, signal: AbortSignal | undefined) {
    this.#fetcher = fetcher;
    this.#limits = limits;
    const timeout = AbortSignal.timeout(limits.totalTimeoutMs);
    this.#signal = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  }

  file(url: string): Uint8Array {
    if (parseRepositoryUrl(url)?.explicit === true) throw new Error("URL is a git repository");
    const settled = this.#files.get(url);
    if (settled !== undefined) return unwrap(settled);
    this.#missing.set(url, () =>
      this.#settle(this.#files, url, url, this.#limits.fetchTimeoutMs, async (bounds) => {
        const content = await this.#fetcher.file(url, bounds);
        this.#count(content.length);
        return content;
      }),
    );
    throw new Error(`'${withoutCredentials(url)}' is not fetched yet`);
  }

  repository(path: string): RemoteBase | undefined {
    const wanted = parseRepositoryUrl(path);
    if (wanted === undefined) return undefined;
    const { url, ref, submodules } = wanted;
    const key = JSON.stringify([url, ref, submodules]);
    const settled = this.#clones.get(key);
    if (settled !== undefined) {
      const { fileSystem, clone } = unwrap(settled);
      return {
        fileSystem,
        clone,
        directory: wanted.directory === "." ? clone : `${clone}/${wanted.directory}`,
      };
    }
    // Whether it is a file is to be found out first.
    if (!this.#missing.has(path)) {
      const timeoutMs = Math.min(wanted.timeoutMs, this.#limits.fetchTimeoutMs);
      this.#missing.set(key, () =>
        this.#settle(this.#clones, key, path, timeoutMs, async (bounds) => {
          const files = await this.#fetcher.repository({ url, ref, submodules }, bounds);
          for (const file of files.values()) this.#count(sizeOf(file));
          return mount(files, directoryName(wanted, this.#clones.size));
        }),
      );
    }
    throw new Error(`'${withoutCredentials(path)}' is not fetched yet`);
  }

  /** Fetches what the last run lacked. @returns false when that was nothing */
  async fetchMissing(): Promise<boolean> {
    const missing = [...this.#missing.values()];
    this.#missing.clear();
    for (const fetch of missing) await fetch();
    return missing.length > 0;
  }

  async #settle<T>(
    into: Map<string, Settled<T>>,
    key: string,
    reference: string,
    timeoutMs: number,
    fetch: (bounds: FetchBounds) => Promise<T>,
  ): Promise<void> {
    const { maxFetches, maxBytes } = this.#limits;
    const name = withoutCredentials(reference);
    if (++this.#fetches > maxFetches) {
      throw new Error(
        `'${name}' is not fetched: a build may need ${maxFetches} remote files and bases at most`,
      );
    }
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([this.#signal, timeout]);
    try {
      into.set(key, { value: await fetch({ maxBytes: maxBytes - this.#bytes, signal }) });
    } catch (error) {
      // Where all is over, trying the URL in another sense would not help.
      if (this.#signal.aborted)
        throw new Error(`fetching '${name}': given up, the build took too long`, { cause: error });
      const cause = timeout.aborted ? `no answer within ${timeoutMs / 1_000} s` : asError(error).message;
      const message = `fetching '${name}': ${withoutCredentials(cause)}`;
      into.set(key, { error: new Error(message, { cause: error }) });
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.maxBytes) {
      throw new Error(`remote files and bases have more than ${this.#limits.maxBytes} bytes`);
    }
  }
}

function unwrap<T>(settled: Settled<T>): T {
  if ("error" in settled) throw settled.error;
  return settled.value;
}

function sizeOf(file: MemoryFile): number {
  return typeof file === "string" || file instanceof Uint8Array ? file.length : file.link.length;
}

/** A file system that has one repository, in a directory that messages can show. */
function mount(files: ReadonlyMap<string, MemoryFile>, clone: string): Omit<RemoteBase, "directory"> {
  const placed = new Map<string, MemoryFile>();
  for (const [path, file] of files) placed.set(`${clone}/${path}`, file);
  return { fileSystem: memoryFileSystem(placed), clone };
}

/** Differs for each clone, so that no directory is taken for another's. */
function directoryName({ url, ref }: RepositoryUrl, index: number): string {
  const name = withoutCredentials(url).replace(/[^A-Za-z0-9._]+/g, "-");
  return `/remote/${index + 1}-${name}-${ref.replace(/[^A-Za-z0-9._]+/g, "-")}`;
}
