/** What a build gets from the network. Off by default: every remote resource is then an error. */
export interface RemoteSource {
  /** The content of an http(s) file. */
  file(url: string): Uint8Array;
  /** The directory of a base in a remote Git repository, or undefined when the path is a local one. */
  repository(path: string): { readonly directory: string; readonly clone: string } | undefined;
}

/** A source that refuses: edges render what is in their Git tree. */
export function noRemoteSource(): RemoteSource {
  return {
    file(url) {
      throw new Error(
        `remote resource '${url}' is not fetched: copy the file into the repository and name it by path`,
      );
    },
    repository(path) {
      if (!isRemoteReference(path)) return undefined;
      throw new Error(
        `remote base '${path}' is not fetched: copy it into the repository and name it by path`,
      );
    },
  };
}

/** True for the forms of a Git URL that kustomize takes for a base. */
function isRemoteReference(path: string): boolean {
  return (
    /^(?:git::|https?:\/\/|ssh:\/\/|file:\/\/|git@|[\w.-]+@[\w.-]+:)/.test(path) ||
    /^(?:github\.com|gh:)[/:]/i.test(path) ||
    (/\.git(?:\/|\?|$)/.test(path) && !path.startsWith(".") && !path.startsWith("/"))
  );
}
