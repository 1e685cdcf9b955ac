import { createHash } from "node:crypto";
import type { BuildOptions, BuildResult } from "./build.ts";
import { build } from "./build.ts";
import type { FileSystem } from "./file-system.ts";
import { cloneMap } from "./value.ts";

/** What a build learnt from its file system, in order; the same answers make the same output. */
type Observation =
  | { readonly kind: "content"; readonly path: string; readonly answer: string }
  | { readonly kind: "stat"; readonly path: string; readonly answer: string }
  | { readonly kind: "realPath"; readonly path: string; readonly answer: string };

interface Entry {
  readonly key: string;
  readonly observations: readonly Observation[];
  readonly digest: string;
  readonly result: BuildResult;
}

export interface CachedBuildResult extends BuildResult {
  /** SHA-256 over the options and all inputs, links and absent files included: equal digests, equal output. */
  readonly digest: string;
  /** True if nothing was rendered. */
  readonly cached: boolean;
}

/** An edge renders a handful of applications, the core previews some more. */
const DEFAULT_MAX_ENTRIES = 100;

/**
 * Remembers builds by the digest of their transitive inputs. A lookup reads and hashes the same files again, from
 * whatever file system it is given (a checkout, another commit), and renders only when one of them differs. Failed
 * builds are not kept.
 */
export class BuildCache {
  readonly #maxEntries: number;
  /** In order of use, the latest last. */
  #entries: Entry[] = [];

  constructor(options: { readonly maxEntries?: number } = {}) {
    this.#maxEntries = options.maxEntries ?? DEFAULT_MAX_ENTRIES;
  }

  /** As {@link build}; the resources are the caller's own copies. Builds with a `schema` are not cached. */
  build(fileSystem: FileSystem, path: string, options: BuildOptions = {}): CachedBuildResult {
    const key = keyOf(path, options);
    const seen = new Map<string, string>();
    const found =
      options.schema === undefined
        ? this.#entries.findLast((entry) => entry.key === key && holds(entry.observations, fileSystem, seen))
        : undefined;
    if (found !== undefined) {
      this.#entries = [...this.#entries.filter((entry) => entry !== found), found];
      return { ...copyOf(found.result), digest: found.digest, cached: true };
    }
    const observations = new Map<string, Observation>();
    const result = build(recording(fileSystem, observations), path, options);
    const list = [...observations.values()];
    const digest = createHash("sha256").update(key).update(JSON.stringify(list)).digest("hex");
    if (options.schema === undefined) {
      this.#entries.push({ key, observations: list, digest, result: copyOf(result) });
      if (this.#entries.length > this.#maxEntries) this.#entries.shift();
    }
    return { ...result, digest, cached: false };
  }
}

function keyOf(path: string, options: BuildOptions): string {
  const { reorder = "legacy", loadRestrictor = "", managedByLabel = false, version = "" } = options;
  return JSON.stringify([path, reorder, loadRestrictor, managedByLabel, version]);
}

function copyOf(result: BuildResult): BuildResult {
  return { resources: result.resources.map(cloneMap), warnings: [...result.warnings] };
}

function observe(fileSystem: FileSystem, kind: Observation["kind"], path: string): string {
  switch (kind) {
    case "content":
      return createHash("sha256").update(fileSystem.readFile(path)).digest("hex");
    case "stat":
      return fileSystem.stat(path) ?? "";
    case "realPath":
      return fileSystem.realPath(path);
  }
}

/** An error counts as another answer. */
function holds(
  observations: readonly Observation[],
  fileSystem: FileSystem,
  seen: Map<string, string>,
): boolean {
  return observations.every(({ kind, path, answer }) => {
    const name = `${kind} ${path}`;
    let present = seen.get(name);
    if (present === undefined) {
      try {
        present = observe(fileSystem, kind, path);
      } catch {
        present = "error";
      }
      seen.set(name, present);
    }
    return present === answer;
  });
}

/** A file system that notes its answers. */
function recording(fileSystem: FileSystem, observations: Map<string, Observation>): FileSystem {
  const note = (kind: Observation["kind"], path: string, answer: string): void => {
    observations.set(`${kind} ${path}`, { kind, path, answer });
  };
  return {
    readFile(path) {
      const content = fileSystem.readFile(path);
      note("content", path, createHash("sha256").update(content).digest("hex"));
      return content;
    },
    stat(path) {
      const kind = fileSystem.stat(path);
      note("stat", path, kind ?? "");
      return kind;
    },
    realPath(path) {
      try {
        const real = fileSystem.realPath(path);
        note("realPath", path, real);
        return real;
      } catch (error) {
        note("realPath", path, "error");
        throw error;
      }
    },
  };
}
