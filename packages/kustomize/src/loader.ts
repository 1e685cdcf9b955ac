import { posix } from "node:path";
import type { FileSystem } from "./file-system.ts";
import type { RemoteSource } from "./remote.ts";
import { isFileUrl } from "./remote.ts";
import { withoutCredentials } from "./repository-url.ts";

export type LoadRestrictor = "LoadRestrictionsRootOnly" | "LoadRestrictionsNone";

export interface LoaderContext {
  readonly fileSystem: FileSystem;
  readonly loadRestrictor: LoadRestrictor;
  readonly remote: RemoteSource;
}

/** Repositories that name repositories that name repositories: deeper than this, nobody means it. */
const MAX_REMOTE_DEPTH = 10;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads files below one kustomization root and opens the loaders of its bases. */
export class Loader {
  readonly root: string;
  readonly #context: LoaderContext;
  readonly #parent: Loader | undefined;
  /** The clone that the root lies in, for bases of a remote repository: they may not leave it. */
  readonly #clone: string | undefined;

  private constructor(context: LoaderContext, root: string, parent?: Loader, clone?: string) {
    this.#context = context;
    this.root = root;
    this.#parent = parent;
    this.#clone = clone;
  }

  /** The loader of the directory to build, which may be a remote base. @throws Error when there is no such directory */
  static open(context: LoaderContext, path: string): Loader {
    return Loader.#openRemote(context, path) ?? new Loader(context, directoryAt(context.fileSystem, path));
  }

  static #openRemote(context: LoaderContext, path: string, parent?: Loader): Loader | undefined {
    const remote = context.remote.repository(path);
    if (remote === undefined) return undefined;
    const root = directoryAt(remote.fileSystem, remote.directory);
    parent?.checkCycle(root);
    if ((parent?.remoteDepth ?? 0) >= MAX_REMOTE_DEPTH) {
      throw new Error(
        `remote base '${withoutCredentials(path)}' is the ${MAX_REMOTE_DEPTH + 1}th in a row, at most ${MAX_REMOTE_DEPTH} are followed`,
      );
    }
    // Only the files of the repository are in reach from here on.
    return new Loader({ ...context, fileSystem: remote.fileSystem }, root, parent, remote.clone);
  }

  /** The content of a file, relative to the root. @throws Error as kustomize words it: missing, or outside the root */
  readBytes(path: string): Uint8Array {
    if (isFileUrl(path)) return this.#context.remote.file(path);
    const { fileSystem, loadRestrictor } = this.#context;
    const joined = posix.isAbsolute(path) ? path : posix.join(this.root, path);
    const real = fileSystem.realPath(joined);
    if (fileSystem.stat(real) !== "file") throw new Error(`'${joined}' must resolve to a file`);
    if (loadRestrictor === "LoadRestrictionsRootOnly" && !isInside(posix.dirname(real), this.root)) {
      throw new Error(`security; file '${joined}' is not in or below '${this.root}'`);
    }
    return fileSystem.readFile(real);
  }

  /** The content of a text file. @throws Error as {@link readBytes}, and when it is not UTF-8 */
  readText(path: string): string {
    try {
      return decoder.decode(this.readBytes(path));
    } catch (error) {
      if (error instanceof TypeError) throw new Error(`file '${path}' is not UTF-8 text`, { cause: error });
      throw error;
    }
  }

  /** True if the root has a file of this name. */
  hasFile(name: string): boolean {
    return this.#context.fileSystem.stat(posix.join(this.root, name)) === "file";
  }

  /** The loader of a base or component. @throws Error for a file, an absolute path, a cycle or a remote base */
  openBase(path: string): Loader {
    const remote = Loader.#openRemote(this.#context, path, this);
    if (remote !== undefined) return remote;
    if (posix.isAbsolute(path)) throw new Error(`new root '${path}' cannot be absolute`);
    const root = directoryAt(this.#context.fileSystem, posix.join(this.root, path));
    if (this.#clone !== undefined && !isInside(root, this.#clone)) {
      throw new Error(`base '${path}' of the remote repository leads out of its clone`);
    }
    this.checkCycle(root);
    return new Loader(this.#context, root, this, this.#clone);
  }

  /** How many remote bases lie between this root and the directory that is built. */
  private get remoteDepth(): number {
    const parent = this.#parent;
    const own = this.#clone !== undefined && this.#clone !== (parent && parent.#clone) ? 1 : 0;
    return own + (parent?.remoteDepth ?? 0);
  }

  private checkCycle(root: string): void {
    if (isInside(this.root, root)) {
      throw new Error(`cycle detected: candidate root '${root}' contains visited root '${this.root}'`);
    }
    this.#parent?.checkCycle(root);
  }
}

function directoryAt(fileSystem: FileSystem, path: string): string {
  let real: string;
  try {
    real = fileSystem.realPath(path);
  } catch (error) {
    throw new Error(
      `must build at directory: not a valid directory: ${error instanceof Error ? error.message : path}`,
      {
        cause: error,
      },
    );
  }
  if (fileSystem.stat(real) !== "directory") {
    throw new Error(`must build at directory: '${path}': file is not directory`);
  }
  return real;
}

function isInside(path: string, root: string): boolean {
  return path === root || root === "/" || path.startsWith(`${root}/`);
}
