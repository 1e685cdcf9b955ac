import type { RemoteFetcher } from "./remote-build.ts";

export interface NetworkOptions {
  /** The environment of git: HOME, PATH, proxies, GIT_CONFIG_*. The process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Also hosts of this machine and of private networks. Refused by default: a manifest must not reach them through us. */
  readonly allowPrivateAddresses?: boolean;
  /** Also plain http, for files and repositories. */
  readonly allowInsecure?: boolean;
  /** Also repositories of this machine, by `file://`. */
  readonly allowFileUrls?: boolean;
}

/**
 * Fetches from the network: files over HTTPS, repositories with the machine's git. What that needs is loaded when it is
 * used: most builds never fetch, and TLS alone would make up a good part of their start.
 */
export function networkFetcher(options: NetworkOptions = {}): RemoteFetcher {
  return {
    async file(url, bounds) {
      const { fetchFile } = await import("./https-file.ts");
      return fetchFile(url, bounds, options);
    },
    async repository(repository, bounds) {
      const { fetchRepository } = await import("./git-repository.ts");
      return fetchRepository(repository, bounds, options);
    },
  };
}
