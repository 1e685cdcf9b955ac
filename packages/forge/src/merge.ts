import { GitError, runGit } from "./git.ts";

export type MergeMethod = "merge" | "squash" | "rebase";

export interface MergeRequest {
  /** Path of the bare repository. */
  repository: string;
  base: string;
  /** Commits of the two sides. */
  baseCommit: string;
  headCommit: string;
  method: MergeMethod;
  message: string;
  author: { name: string; email: string };
  date: Date;
}

/** Both sides changed the same lines. */
export class MergeConflictError extends Error {
  override readonly name = "MergeConflictError";
}

/**
 * Merges a commit into a branch of a bare repository, without a worktree, and moves the branch if it still is where
 * the caller saw it.
 * @returns the new commit of the branch
 * @throws MergeConflictError when the two sides cannot be merged; GitError when the branch moved meanwhile
 */
export async function mergeBranches(request: MergeRequest): Promise<string> {
  const commit = request.method === "rebase" ? await rebase(request) : await mergeOrSquash(request);
  await runGit(request.repository, ["update-ref", `refs/heads/${request.base}`, commit, request.baseCommit]);
  return commit;
}

async function mergeOrSquash(request: MergeRequest): Promise<string> {
  const tree = await mergedTree(request.repository, request.baseCommit, request.headCommit);
  const parents =
    request.method === "squash" ? [request.baseCommit] : [request.baseCommit, request.headCommit];
  return commitTree(request.repository, tree, parents, request.message, identity(request, request.author));
}

/** Replays every commit of the head that the base lacks, oldest first; merge commits are left out, as git rebase does. */
async function rebase(request: MergeRequest): Promise<string> {
  const { repository, baseCommit, headCommit } = request;
  const range = await text(repository, [
    "rev-list",
    "--reverse",
    "--no-merges",
    `${baseCommit}..${headCommit}`,
  ]);
  let tip = baseCommit;
  for (const commit of range.split("\n").filter((line) => line !== "")) {
    const parent = await text(repository, ["rev-parse", `${commit}^1`]);
    // merge-tree takes the merge base from history: a commit with the tip's tree on the picked commit's parent makes
    // that parent the base, which is what a cherry-pick is.
    const stand = await commitTree(
      repository,
      `${tip}^{tree}`,
      [parent],
      "rebase",
      identity(request, request.author),
    );
    const tree = await mergedTree(repository, stand, commit);
    tip = await commitTree(
      repository,
      tree,
      [tip],
      await text(repository, ["show", "-s", "--format=%B", commit]),
      {
        ...identity(request, request.author),
        ...(await originalAuthor(repository, commit)),
      },
    );
  }
  return tip;
}

async function mergedTree(repository: string, ours: string, theirs: string): Promise<string> {
  try {
    const output = await text(repository, ["merge-tree", "--write-tree", "--no-messages", ours, theirs]);
    return output.split("\n")[0] ?? "";
  } catch (error) {
    // Exit code 1 means conflicts, anything else a failure (git-merge-tree(1), EXIT STATUS).
    if (error instanceof GitError && error.exitCode === 1) {
      throw new MergeConflictError("both branches changed the same lines", { cause: error });
    }
    throw error;
  }
}

function commitTree(
  repository: string,
  tree: string,
  parents: string[],
  message: string,
  env: Record<string, string>,
): Promise<string> {
  const args = ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent])];
  return text(repository, args, { input: message, env });
}

function identity(request: MergeRequest, author: { name: string; email: string }): Record<string, string> {
  const date = `${Math.floor(request.date.getTime() / 1000)} +0000`;
  return {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
    GIT_COMMITTER_DATE: date,
  };
}

async function originalAuthor(repository: string, commit: string): Promise<Record<string, string>> {
  const output = await text(repository, ["show", "-s", "--date=raw", "--format=%an%n%ae%n%ad", commit]);
  const [name = "unknown", email = "", date = ""] = output.split("\n");
  return { GIT_AUTHOR_NAME: name, GIT_AUTHOR_EMAIL: email, GIT_AUTHOR_DATE: date };
}

async function text(
  repository: string,
  args: string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<string> {
  return (await runGit(repository, args, options)).toString("utf8").trim();
}
