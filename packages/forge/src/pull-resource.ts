import type { PullRequest } from "./pull-request.ts";
import { fullName } from "./repository.ts";
import type { RepositoryName } from "./repository.ts";

/** GitHub's JSON of a user, the fields that clients read. */
export function userResource(login: string, baseUrl: string): Record<string, unknown> {
  return { login, type: "User", html_url: `${baseUrl}/${encodeURIComponent(login)}` };
}

/** GitHub's JSON of a repository. */
export function repositoryResource(
  repository: RepositoryName,
  defaultBranch: string,
  baseUrl: string,
): Record<string, unknown> {
  const page = `${baseUrl}/${fullName(repository)}`;
  return {
    name: repository.name,
    full_name: fullName(repository),
    owner: userResource(repository.owner, baseUrl),
    private: true,
    fork: false,
    html_url: page,
    url: `${baseUrl}/repos/${fullName(repository)}`,
    clone_url: `${page}.git`,
    default_branch: defaultBranch,
  };
}

export interface PullCommits {
  head: string | undefined;
  base: string | undefined;
  /** Left out of lists, as GitHub leaves it out. */
  mergeable?: boolean | null;
}

/** GitHub's JSON of a pull request. */
export function pullResource(
  repository: RepositoryName,
  pull: PullRequest,
  commits: PullCommits,
  repositoryJson: Record<string, unknown>,
  baseUrl: string,
): Record<string, unknown> {
  const side = (branch: string, sha: string | undefined): Record<string, unknown> => ({
    label: `${repository.owner}:${branch}`,
    ref: branch,
    sha: sha ?? null,
    user: userResource(repository.owner, baseUrl),
    repo: repositoryJson,
  });
  const url = `${baseUrl}/repos/${fullName(repository)}/pulls/${pull.number}`;
  return {
    id: pull.number,
    number: pull.number,
    url,
    html_url: `${baseUrl}/${fullName(repository)}/pull/${pull.number}`,
    state: pull.state,
    locked: false,
    draft: false,
    title: pull.title,
    body: pull.body,
    user: userResource(pull.author, baseUrl),
    head: side(pull.head, commits.head),
    base: side(pull.base, commits.base),
    merged: pull.mergedAt !== undefined,
    ...(commits.mergeable === undefined ? {} : { mergeable: commits.mergeable }),
    merge_commit_sha: pull.mergeCommit ?? null,
    merged_by: pull.mergedBy === undefined ? null : userResource(pull.mergedBy, baseUrl),
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    closed_at: pull.closedAt ?? null,
    merged_at: pull.mergedAt ?? null,
  };
}
