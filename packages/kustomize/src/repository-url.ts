import { posix } from "node:path";

/** A base in a remote Git repository, as a kustomization names it. */
export interface RepositoryUrl {
  /** What git fetches from. */
  readonly url: string;
  /** The directory in the repository, `.` for its root. */
  readonly directory: string;
  /** Branch, tag or commit; `HEAD` when none is given. */
  readonly ref: string;
  /** Whether its submodules are part of it. */
  readonly submodules: boolean;
  /** How long a fetch may take, in milliseconds. */
  readonly timeoutMs: number;
  /** True where the form can mean nothing but a repository, so that nobody needs to look for a file there. */
  readonly explicit: boolean;
}

/** kustomize's own, which its `timeout=` overrides. */
const DEFAULT_TIMEOUT_MS = 27_000;
/** Longer references are an attack. */
const MAX_LENGTH = 2_000;
/** `owner/repository`: where a repository ends when nothing else tells. */
const DEFAULT_SEGMENTS = 2;

const SCHEME = /^(?:ssh|https?|file):\/\//i;
const USER = /^[A-Za-z0-9][A-Za-z0-9-]*(?::[^@/]*)?@/;
const GITHUB = /^github\.com[/:]/i;

/**
 * Reads the forms of kustomize's remote bases: `github.com/o/r//path?ref=v1`, `https://host/o/r.git/path`,
 * `git@host:o/r.git//path`, `ssh://…`, `file://…`, `https://host/org/project/_git/r/path`, each also behind `git::`.
 * @returns undefined for whatever is none of these: a local path
 */
export function parseRepositoryUrl(reference: string): RepositoryUrl | undefined {
  if (posix.isAbsolute(reference) || reference.length > MAX_LENGTH || /\s/.test(reference)) return undefined;
  const question = reference.indexOf("?");
  const address = question < 0 ? reference : reference.slice(0, question);
  const query = new URLSearchParams(question < 0 ? "" : reference.slice(question + 1));
  const forced = address.startsWith("git::");
  const host = splitHost(forced ? address.slice("git::".length) : address);
  if (host === undefined) return undefined;
  const split = splitPath(host.path, host.prefix.toLowerCase().startsWith("file://"));
  if (split === undefined) return undefined;
  const directory = posix.normalize(split.directory.replace(/^\/+/, "") || ".");
  if (directory === ".." || directory.startsWith("../") || split.repository.split("/").includes(".."))
    return undefined;
  const submodules = query.get("submodules") ?? "";
  return {
    url: host.prefix + split.repository,
    directory: directory.length > 1 ? directory.replace(/\/$/, "") : directory,
    ref: query.get("ref") || query.get("version") || "HEAD",
    submodules: !["0", "f", "false"].includes(submodules.toLowerCase()),
    timeoutMs: parseTimeout(query.get("timeout") ?? ""),
    explicit: forced || split.explicit || !/^https?:/i.test(address),
  };
}

/** A reference without the user and password that it may carry, for messages. */
export function withoutCredentials(text: string): string {
  return text.replace(/(\b[a-z]+:\/\/)[^/\s@']+@/gi, "$1");
}

/** The part that names the host, as git wants it, and the path behind it. */
function splitHost(address: string): { prefix: string; path: string } | undefined {
  const scheme = SCHEME.exec(address)?.[0].toLowerCase() ?? "";
  const behindScheme = address.slice(scheme.length);
  if (scheme === "file://") return { prefix: scheme, path: behindScheme };
  const user = USER.exec(behindScheme)?.[0] ?? "";
  const rest = behindScheme.slice(user.length);
  if (GITHUB.test(rest)) {
    const path = rest.slice("github.com/".length);
    const isSsh = user !== "" && !scheme.startsWith("http");
    return isSsh || scheme === "ssh://"
      ? { prefix: `${user || "git@"}github.com:`, path }
      : { prefix: `https://${user}github.com/`, path };
  }
  if (scheme === "" && user === "") return undefined;
  // `user@host:path` and `user@host:port/path` alike; a colon behind a scheme belongs to the port.
  const end = scheme === "" ? rest.search(/[/:]/) : rest.indexOf("/");
  if (end <= 0 || rest.startsWith("-")) return undefined;
  return { prefix: scheme + user + rest.slice(0, end + 1), path: rest.slice(end + 1) };
}

/** Where the repository ends and the directory in it starts. */
function splitPath(
  path: string,
  isLocal: boolean,
): { repository: string; directory: string; explicit: boolean } | undefined {
  const at = (end: number, explicit = true) =>
    end <= 0 ? undefined : { repository: path.slice(0, end), directory: path.slice(end), explicit };
  const azure = /(?:^|\/)_git\/[^/]+/.exec(path);
  if (azure !== null) return at(azure.index + azure[0].length);
  const double = path.indexOf("//", 1);
  if (double > 0) return at(double);
  const suffix = /[^/]\.git(?=\/|$)/.exec(path);
  if (suffix !== null) return at(suffix.index + suffix[0].length);
  if (isLocal) return at(path.length);
  const segments = path.split("/");
  const wanted = segments.slice(0, DEFAULT_SEGMENTS);
  if (wanted.length < DEFAULT_SEGMENTS || wanted.includes("")) return undefined;
  return at(wanted.join("/").length, false);
}

/** Seconds, or a duration as in Go: `90`, `1m30s`. */
function parseTimeout(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text) * 1_000;
  const match = /^(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$/.exec(text);
  if (match === null) return DEFAULT_TIMEOUT_MS;
  const [, hours = "0", minutes = "0", seconds = "0"] = match;
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000 || DEFAULT_TIMEOUT_MS;
}
