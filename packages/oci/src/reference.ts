import { type Digest, isDigest } from "./digest.ts";

/** An image reference taken apart: `registry/repository[:tag][@digest]`. With both, the digest decides. */
export interface Reference {
  /** Host, with port if given. */
  registry: string;
  repository: string;
  tag?: string;
  digest?: Digest;
}

export class ReferenceError extends Error {
  override readonly name = "ReferenceError";
}

/** `distribution/reference` bounds a name at 255 characters; a digest and tag add at most 128 + 1 + 135 + 1. */
const MAX_NAME_LENGTH = 255;
const MAX_REFERENCE_LENGTH = 1024;
const DEFAULT_REGISTRY = "docker.io";
const HOST =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Parses a reference as docker and podman do: a first component with a dot, a colon or upper case, or `localhost`,
 * is the registry; otherwise it is docker.io, and a name of one component is in `library/`.
 */
export function parseReference(text: string): Reference {
  const fail = (why: string): never => {
    throw new ReferenceError(`"${text.slice(0, MAX_REFERENCE_LENGTH)}" is not an image reference: ${why}`);
  };
  if (text === "") return fail("it is empty");
  if (text.length > MAX_REFERENCE_LENGTH) return fail(`longer than ${MAX_REFERENCE_LENGTH} characters`);
  const { rest, digest } = splitAt(text);
  if (digest !== undefined && !isDigest(digest))
    return fail(`"${digest}" is not a digest (sha256:<64 hexadecimal digits>)`);
  const colon = rest.lastIndexOf(":");
  const hasTag = colon > rest.lastIndexOf("/");
  const tag = hasTag ? rest.slice(colon + 1) : undefined;
  // `localhost:5000` alone is a name with a tag, as for docker.
  const name = hasTag ? rest.slice(0, colon) : rest;
  if (tag !== undefined && !isTag(tag)) return fail(`"${tag}" is not a tag`);
  const { registry, repository } = splitName(name);
  if (!HOST.test(registry)) return fail(`"${registry}" is not a registry host`);
  if (/[A-Z]/.test(repository)) return fail("the repository name must be lower case");
  if (!isRepositoryName(repository)) return fail(`"${repository}" is not a repository name`);
  if (registry.length + 1 + repository.length > MAX_NAME_LENGTH)
    return fail(`its name is longer than ${MAX_NAME_LENGTH} characters`);
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function splitAt(text: string): { rest: string; digest: string | undefined } {
  const at = text.indexOf("@");
  return at < 0 ? { rest: text, digest: undefined } : { rest: text.slice(0, at), digest: text.slice(at + 1) };
}

function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = first !== "" && (/[.:A-Z]/.test(first) || first === "localhost");
  const registry = isHost ? first : DEFAULT_REGISTRY;
  const repository = isHost ? name.slice(slash + 1) : name;
  const canonical = registry === "index.docker.io" ? DEFAULT_REGISTRY : registry;
  const inLibrary =
    canonical === DEFAULT_REGISTRY && !repository.includes("/") ? `library/${repository}` : repository;
  return { registry: canonical, repository: inLibrary };
}

/** True for a name that distribution-spec allows for a repository. */
export function isRepositoryName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= MAX_NAME_LENGTH &&
    name.split("/").every((component) => COMPONENT.test(component))
  );
}

/** True for a name that distribution-spec allows for a tag. */
export function isTag(tag: string): boolean {
  return TAG.test(tag);
}

/** The reference in full: registry, repository, and what it has of tag and digest. */
export function formatReference(reference: Reference): string {
  const { registry, repository, tag, digest } = reference;
  return `${registry}/${repository}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** What to ask a registry for: the digest if there is one, then the tag, then `latest`. */
export function manifestReference(reference: Reference): string {
  return reference.digest ?? reference.tag ?? "latest";
}
