import type { ForgeUser } from "./authentication.ts";
import type { Forge } from "./forge.ts";
import { GitError, runGit } from "./git.ts";
import { ForgeHttpError, requiredField, textField } from "./http.ts";
import { mergeBranches, MergeConflictError } from "./merge.ts";
import type { MergeMethod } from "./merge.ts";
import { pullResource, repositoryResource } from "./pull-resource.ts";
import type { PullRequest, PullRequestFilter } from "./pull-request.ts";
import { fullName } from "./repository.ts";
import type { RepositoryName } from "./repository.ts";

/** GitHub's own bounds for the two texts. */
const MAX_TITLE_CHARS = 256;
const MAX_BODY_CHARS = 65_536;

export interface PullApiOptions {
  forge: Forge;
  baseUrl: string;
  now: () => Date;
}

/** The pull requests of one repository, as GitHub's REST API has them. */
export class PullApi {
  readonly #forge: Forge;
  readonly #baseUrl: string;
  readonly #now: () => Date;

  constructor(options: PullApiOptions) {
    this.#forge = options.forge;
    this.#baseUrl = options.baseUrl;
    this.#now = options.now;
  }

  /** `POST /repos/{owner}/{repo}/pulls` */
  async open(repository: RepositoryName, user: ForgeUser, body: Record<string, unknown>): Promise<unknown> {
    const title = requiredField(body, "PullRequest", "title");
    const text = textField(body, "PullRequest", "body") ?? "";
    if (title.length > MAX_TITLE_CHARS)
      throw invalid("title", `title is too long (maximum is ${MAX_TITLE_CHARS} characters)`);
    if (text.length > MAX_BODY_CHARS)
      throw invalid("body", `body is too long (maximum is ${MAX_BODY_CHARS} characters)`);
    const head = branchOf(repository, requiredField(body, "PullRequest", "head"));
    const base = requiredField(body, "PullRequest", "base");
    return this.#locked(repository, async () => {
      const headCommit = await this.#forge.repositories.branch(repository, head);
      const baseCommit = await this.#forge.repositories.branch(repository, base);
      if (headCommit === undefined) throw invalid("head", `branch ${head} does not exist`);
      if (baseCommit === undefined) throw invalid("base", `branch ${base} does not exist`);
      if (this.#forge.pulls.list(repository, { state: "open", head, base }).length > 0) {
        throw custom(`A pull request already exists for ${repository.owner}:${head}.`);
      }
      if (await this.#contains(repository, baseCommit, headCommit))
        throw custom(`No commits between ${base} and ${head}`);
      const time = this.#time();
      const pull = this.#forge.pulls.create(repository, {
        title,
        body: text,
        author: user.login,
        head,
        base,
        state: "open",
        createdAt: time,
        updatedAt: time,
      });
      await runGit(this.#forge.repositories.path(repository), [
        "update-ref",
        `refs/pull/${pull.number}/head`,
        headCommit,
      ]);
      return this.#resource(repository, pull, true);
    });
  }

  /** `GET /repos/{owner}/{repo}/pulls?state&head&base`; `head` may be `owner:branch`. */
  async list(repository: RepositoryName, query: URLSearchParams): Promise<unknown> {
    const state = query.get("state") ?? "open";
    if (state !== "open" && state !== "closed" && state !== "all")
      throw invalid("state", "state is one of open, closed, all");
    const filter: PullRequestFilter = { state };
    const [head, base] = [query.get("head"), query.get("base")];
    if (head !== null && head !== "") filter.head = branchOf(repository, head);
    if (base !== null && base !== "") filter.base = base;
    const page = pageOf(query);
    const pulls = this.#forge.pulls
      .list(repository, filter)
      .slice((page.number - 1) * page.size, page.number * page.size);
    return Promise.all(pulls.map((pull) => this.#resource(repository, pull, false)));
  }

  /** `GET /repos/{owner}/{repo}/pulls/{number}` */
  async get(repository: RepositoryName, number: number): Promise<unknown> {
    return this.#resource(repository, this.find(repository, number), true);
  }

  /** The stored pull request. @throws ForgeHttpError 404 */
  find(repository: RepositoryName, number: number): PullRequest {
    const pull = this.#forge.pulls.get(repository, number);
    if (pull === undefined) throw new ForgeHttpError(404, "Not Found");
    return pull;
  }

  /** `PATCH /repos/{owner}/{repo}/pulls/{number}`: title, body, state. */
  async edit(repository: RepositoryName, number: number, body: Record<string, unknown>): Promise<unknown> {
    return this.#locked(repository, async () => {
      const pull = this.find(repository, number);
      const state = textField(body, "PullRequest", "state") ?? pull.state;
      if (state !== "open" && state !== "closed") throw invalid("state", "state is open or closed");
      if (state === "open" && pull.mergedAt !== undefined)
        throw invalid("state", "a merged pull request cannot be opened again");
      const time = this.#time();
      const next: PullRequest = {
        ...pull,
        title: textField(body, "PullRequest", "title") ?? pull.title,
        body: textField(body, "PullRequest", "body") ?? pull.body,
        state,
        updatedAt: time,
      };
      if (state === "open") delete next.closedAt;
      else next.closedAt = pull.closedAt ?? time;
      this.#forge.pulls.update(repository, next);
      return this.#resource(repository, next, true);
    });
  }

  /** `PUT /repos/{owner}/{repo}/pulls/{number}/merge`: commit_title, commit_message, sha, merge_method. */
  async merge(
    repository: RepositoryName,
    number: number,
    user: ForgeUser,
    body: Record<string, unknown>,
  ): Promise<unknown> {
    const method = mergeMethod(
      textField(body, "PullRequest", "merge_method") ?? textField(body, "PullRequest", "Do") ?? "merge",
    );
    const expected =
      textField(body, "PullRequest", "sha") ?? textField(body, "PullRequest", "head_commit_id");
    const sha = await this.#locked(repository, async () => {
      const pull = this.find(repository, number);
      const [headCommit, baseCommit] = [
        await this.#forge.repositories.branch(repository, pull.head),
        await this.#forge.repositories.branch(repository, pull.base),
      ];
      if (pull.state !== "open" || headCommit === undefined || baseCommit === undefined) {
        throw new ForgeHttpError(405, "Pull Request is not mergeable");
      }
      if (expected !== undefined && expected !== "" && expected !== headCommit) {
        throw new ForgeHttpError(409, "Head branch was modified. Review and try the merge again.");
      }
      const title = textField(body, "PullRequest", "commit_title") ?? defaultTitle(repository, pull, method);
      const message =
        textField(body, "PullRequest", "commit_message") ?? (method === "squash" ? pull.body : pull.title);
      const commit = await this.#mergeCommits({
        repository,
        pull,
        method,
        headCommit,
        baseCommit,
        message: `${title}\n\n${message}\n`,
        user,
      });
      const time = this.#time();
      const closed = {
        state: "closed" as const,
        updatedAt: time,
        closedAt: time,
        mergedAt: time,
        mergedBy: user.login,
      };
      this.#forge.pulls.update(repository, {
        ...pull,
        ...closed,
        mergeCommit: commit,
        finalHead: headCommit,
        finalBase: baseCommit,
      });
      return commit;
    });
    await this.#forge.announce(repository, user.login);
    return { sha, merged: true, message: "Pull Request successfully merged" };
  }

  /** `GET /repos/{owner}/{repo}/pulls/{number}/files` */
  async files(repository: RepositoryName, number: number): Promise<unknown> {
    const output = await this.#diff(repository, this.find(repository, number), [
      "--numstat",
      "-z",
      "--no-renames",
    ]);
    return output
      .split("\0")
      .filter((line) => line !== "")
      .map((line) => {
        const [added = "0", removed = "0", filename = ""] = line.split("\t");
        const [additions, deletions] = [Number(added) || 0, Number(removed) || 0];
        return { filename, additions, deletions, changes: additions + deletions, status: "modified" };
      });
  }

  /** The pull request's changes as a unified diff. */
  async patch(repository: RepositoryName, number: number): Promise<string> {
    return this.#diff(repository, this.find(repository, number), ["--no-ext-diff", "--no-textconv"]);
  }

  async #mergeCommits(input: {
    repository: RepositoryName;
    pull: PullRequest;
    method: MergeMethod;
    headCommit: string;
    baseCommit: string;
    message: string;
    user: ForgeUser;
  }): Promise<string> {
    const { repository, pull, method, headCommit, baseCommit, message, user } = input;
    try {
      return await mergeBranches({
        repository: this.#forge.repositories.path(repository),
        base: pull.base,
        baseCommit,
        headCommit,
        method,
        message,
        author: { name: user.login, email: `${user.login}@users.noreply.localhost` },
        date: this.#now(),
      });
    } catch (error) {
      if (error instanceof MergeConflictError)
        throw new ForgeHttpError(405, `Pull Request is not mergeable: ${error.message}`);
      // update-ref found the branch elsewhere: a push came in between.
      if (error instanceof GitError)
        throw new ForgeHttpError(409, "Base branch was modified. Review and try the merge again.");
      throw error;
    }
  }

  async #resource(
    repository: RepositoryName,
    pull: PullRequest,
    detailed: boolean,
  ): Promise<Record<string, unknown>> {
    const store = this.#forge.repositories;
    const head =
      pull.finalHead ??
      (await store.branch(repository, pull.head)) ??
      (await store.commit(repository, `refs/pull/${pull.number}/head`));
    const base = pull.finalBase ?? (await store.branch(repository, pull.base));
    const json = repositoryResource(repository, await store.defaultBranch(repository), this.#baseUrl);
    if (!detailed) return pullResource(repository, pull, { head, base }, json, this.#baseUrl);
    const mergeable = pull.state === "open" ? await this.#mergeable(repository, head, base) : null;
    return pullResource(repository, pull, { head, base, mergeable }, json, this.#baseUrl);
  }

  async #mergeable(
    repository: RepositoryName,
    head: string | undefined,
    base: string | undefined,
  ): Promise<boolean> {
    if (head === undefined || base === undefined) return false;
    return runGit(this.#forge.repositories.path(repository), [
      "merge-tree",
      "--write-tree",
      "--no-messages",
      base,
      head,
    ]).then(
      () => true,
      () => false,
    );
  }

  async #diff(repository: RepositoryName, pull: PullRequest, flags: string[]): Promise<string> {
    const store = this.#forge.repositories;
    const head = pull.finalHead ?? (await store.commit(repository, `refs/pull/${pull.number}/head`));
    const base = pull.finalBase ?? (await store.branch(repository, pull.base));
    if (head === undefined || base === undefined) return "";
    return (await runGit(store.path(repository), ["diff", ...flags, `${base}...${head}`, "--"])).toString(
      "utf8",
    );
  }

  async #contains(repository: RepositoryName, commit: string, ancestor: string): Promise<boolean> {
    return runGit(this.#forge.repositories.path(repository), [
      "merge-base",
      "--is-ancestor",
      ancestor,
      commit,
    ]).then(
      () => true,
      () => false,
    );
  }

  #locked<T>(repository: RepositoryName, task: () => Promise<T>): Promise<T> {
    return this.#forge.lock.run(fullName(repository), task);
  }

  #time(): string {
    return this.#now()
      .toISOString()
      .replace(/\.\d{3}Z$/, "Z");
  }
}

/** `owner:branch` or `branch`. Pull requests from forks do not exist here: another owner is refused. */
function branchOf(repository: RepositoryName, head: string): string {
  const colon = head.indexOf(":");
  if (colon < 0) return head;
  if (head.slice(0, colon) !== repository.owner)
    throw invalid("head", `head must be a branch of ${fullName(repository)}`);
  return head.slice(colon + 1);
}

function mergeMethod(text: string): MergeMethod {
  if (text === "merge" || text === "squash" || text === "rebase") return text;
  throw invalid("merge_method", "merge_method is one of merge, squash, rebase");
}

function defaultTitle(repository: RepositoryName, pull: PullRequest, method: MergeMethod): string {
  if (method === "squash") return `${pull.title} (#${pull.number})`;
  return `Merge pull request #${pull.number} from ${repository.owner}/${pull.head}`;
}

/** GitHub's page bounds: 30 by default, 100 at most. */
function pageOf(query: URLSearchParams): { number: number; size: number } {
  const size = Math.min(Math.max(Number(query.get("per_page") ?? 30) || 30, 1), 100);
  return { number: Math.max(Math.trunc(Number(query.get("page") ?? 1)) || 1, 1), size };
}

function invalid(field: string, message: string): ForgeHttpError {
  return new ForgeHttpError(422, "Validation Failed", [
    { resource: "PullRequest", field, code: "invalid", message },
  ]);
}

function custom(message: string): ForgeHttpError {
  return new ForgeHttpError(422, "Validation Failed", [{ resource: "PullRequest", code: "custom", message }]);
}
