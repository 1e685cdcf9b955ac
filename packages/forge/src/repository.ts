import { randomUUID } from "node:crypto";
import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { GitError, runGit } from "./git.ts";

/** GitHub's own bounds: 39 characters for an owner, 100 for a repository. */
const OWNER_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9-_.]{0,62}[A-Za-z0-9])?$/;
const NAME_PATTERN = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;
/** First path segments that the API uses itself. */
const RESERVED_OWNERS: ReadonlySet<string> = new Set(["api", "healthz", "orgs", "repos", "user"]);

export interface RepositoryName {
  owner: string;
  name: string;
}

/** `owner/name`, as GitHub's `full_name`. */
export function fullName(repository: RepositoryName): string {
  return `${repository.owner}/${repository.name}`;
}

/**
 * True for names that are safe as directory names and in URLs: no separators, no leading dot, no `..`, and not the
 * suffixes that git or the forge itself give a meaning to.
 */
export function isRepositoryName({ owner, name }: RepositoryName): boolean {
  if (!OWNER_PATTERN.test(owner) || !NAME_PATTERN.test(name) || RESERVED_OWNERS.has(owner)) return false;
  return !owner.includes("..") && !name.includes("..") && !name.endsWith(".git") && !name.endsWith(".lock");
}

/** True for a branch name that git accepts and that cannot be read as an option or a path out of `refs/heads`. */
export function isBranchName(branch: string): boolean {
  if (branch.length === 0 || branch.length > 200 || !/^[A-Za-z0-9_][A-Za-z0-9._/+@=-]*$/.test(branch))
    return false;
  if (branch.includes("..") || branch.includes("//") || branch.includes("@{") || branch.includes("/."))
    return false;
  return (
    !branch.endsWith("/") && !branch.endsWith(".") && !branch.endsWith(".lock") && !branch.includes(".lock/")
  );
}

/** The bare repositories below one directory, `<owner>/<name>.git` each. */
export class RepositoryStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The directory of a repository, whether it exists or not. The name must have passed {@link isRepositoryName}. */
  path(repository: RepositoryName): string {
    if (!isRepositoryName(repository)) throw new RangeError("not a repository name");
    return join(this.#root, repository.owner, `${repository.name}.git`);
  }

  /** True if the repository exists; false as well for names that no repository can have. */
  async has(repository: RepositoryName): Promise<boolean> {
    if (!isRepositoryName(repository)) return false;
    return access(join(this.path(repository), "HEAD")).then(
      () => true,
      () => false,
    );
  }

  /** Creates an empty repository; false if it is there already. It appears complete or not at all. */
  async create(repository: RepositoryName, defaultBranch: string): Promise<boolean> {
    if (await this.has(repository)) return false;
    const path = this.path(repository);
    const draft = join(this.#root, `.new-${randomUUID()}`);
    await mkdir(join(this.#root, repository.owner), { recursive: true });
    try {
      await runGit(undefined, [
        "init",
        "--quiet",
        "--bare",
        "--template=",
        `--initial-branch=${defaultBranch}`,
        draft,
      ]);
      for (const [key, value] of SERVER_CONFIG) await runGit(draft, ["config", key, value]);
      await rename(draft, path);
      return true;
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      if (await this.has(repository)) return false;
      throw error;
    }
  }

  /** Every repository, in the order of names. */
  async list(): Promise<RepositoryName[]> {
    const names: RepositoryName[] = [];
    for (const owner of (await readdir(this.#root)).toSorted()) {
      if (owner.startsWith(".")) continue;
      for (const entry of (await readdir(join(this.#root, owner))).toSorted()) {
        const repository = { owner, name: entry.replace(/\.git$/, "") };
        if (await this.has(repository)) names.push(repository);
      }
    }
    return names;
  }

  /** The branch that HEAD names. */
  async defaultBranch(repository: RepositoryName): Promise<string> {
    return (await runGit(this.path(repository), ["symbolic-ref", "--short", "HEAD"])).toString("utf8").trim();
  }

  /** The commit of a branch, or undefined. */
  async branch(repository: RepositoryName, branch: string): Promise<string | undefined> {
    return isBranchName(branch) ? this.commit(repository, `refs/heads/${branch}`) : undefined;
  }

  /** The commit that a full ref name or a hash names, or undefined. */
  async commit(repository: RepositoryName, revision: string): Promise<string | undefined> {
    try {
      const output = await runGit(this.path(repository), [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        `${revision}^{commit}`,
      ]);
      return output.toString("utf8").trim();
    } catch (error) {
      if (error instanceof GitError) return undefined;
      throw error;
    }
  }

  /** Every branch and tag with its object. */
  async refs(repository: RepositoryName): Promise<Map<string, string>> {
    const output = await runGit(this.path(repository), [
      "for-each-ref",
      "--format=%(refname) %(objectname)",
      "refs/heads",
      "refs/tags",
    ]);
    const refs = new Map<string, string>();
    for (const line of output.toString("utf8").split("\n")) {
      const space = line.indexOf(" ");
      if (space > 0) refs.set(line.slice(0, space), line.slice(space + 1));
    }
    return refs;
  }
}

/** What every repository of the forge allows, written to its own configuration. */
const SERVER_CONFIG: readonly (readonly [string, string])[] = [
  // Pushed objects are outside input: malformed trees and `.git` entries are refused at the door.
  ["transfer.fsckObjects", "true"],
  // A delivered revision may be a commit that is no branch's tip any more.
  ["uploadpack.allowAnySHA1InWant", "true"],
  ["uploadpack.allowFilter", "true"],
  // refs/pull/N/head is the forge's, as on GitHub: readable, not pushable.
  ["receive.hideRefs", "refs/pull"],
];
