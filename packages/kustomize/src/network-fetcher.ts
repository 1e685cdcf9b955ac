import { fetchRepository } from "./git-repository.ts";
import { fetchFile } from "./https-file.ts";
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

/** Fetches from the network: files over HTTPS, repositories with the machine's git. */
export function networkFetcher(options: NetworkOptions = {}): RemoteFetcher {
  return {
    file: (url, bounds) => fetchFile(url, bounds, options),
    repository: (repository, bounds) => fetchRepository(repository, bounds, options),
  };
}
