import type { FileSystem } from "./file-system.ts";
import { parseRepositoryUrl, withoutCredentials } from "./repository-url.ts";

/** A base in a fetched repository. */
export interface RemoteBase {
  /** The files of the repository and nothing else. */
  readonly fileSystem: FileSystem;
  /** The directory of the base. */
  readonly directory: string;
  /** The directory of the repository's root. */
  readonly clone: string;
}

/** What a build gets from the network. Off by default: every remote resource is then an error. */
export interface RemoteSource {
  /** The content of an http(s) file. */
  file(url: string): Uint8Array;
  /** The directory of a base in a remote Git repository, or undefined when the path is a local one. */
  repository(path: string): RemoteBase | undefined;
}

/** True for a file that is named by its address. */
export function isFileUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

/** A source that refuses: edges render what is in their Git tree. */
export function noRemoteSource(): RemoteSource {
  const refuse = (what: string, path: string): Error =>
    new Error(
      `remote ${what} '${withoutCredentials(path)}' is not fetched: copy it into the repository and name it by path, ` +
        "or allow the network (--enable-remote on the command line, buildWithRemotes in the library)",
    );
  return {
    file(url) {
      throw refuse("resource", url);
    },
    repository(path) {
      if (parseRepositoryUrl(path) === undefined) return undefined;
      throw refuse("base", path);
    },
  };
}
