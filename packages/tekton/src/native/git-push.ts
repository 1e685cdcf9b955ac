import { GitSession } from "./git-session.ts";
import type { GitSessionOptions } from "./git-session.ts";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { pathInside, TaskError } from "./native-task.ts";
import { forgeTarget } from "./open-pull-request.ts";

interface PushRequest {
  /** Of the clone, below the workspace `source`. */
  repository: string;
  branch: string;
  message: string;
}

/** `git-commit-and-push`: commits the changes of a clone to a new branch and pushes it; without changes, nothing. */
export function gitCommitAndPush(environment: GitSessionOptions["environment"]): NativeTask {
  return {
    name: "git-commit-and-push",
    run: (call) =>
      commitAndPush(call, environment, {
        repository: call.required("git-repo-path"),
        branch: call.required("branch"),
        message: call.required("message"),
      }),
  };
}

/** `git-cli`: of its scripts, the one that upstream's GitOps pipeline has, recognised by its commands. */
export function gitCli(environment: GitSessionOptions["environment"]): NativeTask {
  return {
    name: "git-cli",
    run: (call) => commitAndPush(call, environment, parseScript(call.required("GIT_SCRIPT"))),
  };
}

function parseScript(script: string): PushRequest {
  const repository = /^cp -r \$\(workspaces\.source\.path\)\/(\S+) ~\/\1$/m.exec(script)?.[1];
  const branch = /^PR_BRANCH=([\w./-]+)$/m.exec(script)?.[1];
  const message = /^git commit -am "([^"$`\\]+)"$/m.exec(script)?.[1];
  const pushes = /^git push origin \$PR_BRANCH:\$PR_BRANCH$/m.test(script);
  const known =
    /^(?:#.*|cp -r .*|cd ~\/\S+|PR_BRANCH=.*|git checkout -b \$PR_BRANCH|if \[ -z "\$\(git status --porcelain\)" \]; then|echo ".*"|exit 0|fi|git commit -am .*|git push origin .*|)$/;
  const other = script.split("\n").find((line) => !known.test(line.trim()));
  if (
    repository !== undefined &&
    branch !== undefined &&
    message !== undefined &&
    pushes &&
    other === undefined
  )
    return { repository, branch, message };
  throw new TaskError(
    `GIT_SCRIPT is not run by a shell: only the commit and push of the GitOps update pipeline is understood${other === undefined ? "" : `, not ${JSON.stringify(other.trim())}`}. Use the Task git-commit-and-push`,
  );
}

async function commitAndPush(
  call: NativeTaskCall,
  environment: GitSessionOptions["environment"],
  request: PushRequest,
): Promise<void> {
  const directory = await pathInside(call.requiredWorkspace("source"), request.repository);
  if (!/^[A-Za-z0-9_][\w./-]*$/.test(request.branch))
    throw new TaskError(`${JSON.stringify(request.branch)} is not a branch name`);
  const git = await GitSession.open(call, {
    environment,
    remote: { clone: directory },
    basicAuth: call.workspace("basic-auth"),
    caDirectory: call.workspace("ssl-ca-directory"),
  });
  const { url } = git;
  const status = await git.run(["status", "--porcelain"], directory);
  const onBranch = (await git.run(["branch", "--show-current"], directory)).trim() === request.branch;
  if (status.trim() === "" && !onBranch) {
    call.log("Update did not cause a modification");
    await setCommit(call, git, directory);
    return;
  }
  const base = (await git.run(["rev-parse", "HEAD"], directory)).trim();
  const identity = [
    "-c",
    `user.name=${call.text("GIT_USER_NAME") || "ai-edge"}`,
    "-c",
    `user.email=${call.text("GIT_USER_EMAIL") || "ai-edge@localhost"}`,
  ];
  // An attempt that was cut off may have made the branch and the commit already.
  if (!onBranch) await git.run(["checkout", "--quiet", "-B", request.branch], directory);
  if (status.trim() !== "") {
    await git.run([...identity, "commit", "--quiet", "--all", "--message", request.message], directory);
  }
  const pending = await pendingPullRequest(call, git, { directory, url, branch: request.branch });
  if (pending !== undefined) {
    call.log(`${pending} is open with this change already: nothing is pushed`);
    call.setResult("commit", base);
    return;
  }
  await git.run(
    ["push", "--quiet", "--force", "--", url, `${request.branch}:refs/heads/${request.branch}`],
    directory,
  );
  call.log(`pushed ${request.branch}`);
  await setCommit(call, git, directory);
}

/** Branches of earlier runs that are looked at; older ones were merged or given up long ago. */
const MAX_EARLIER_BRANCHES = 50;

/**
 * The page of an open pull request whose branch, made by an earlier run, holds the very files that this one would push.
 * Without the forge's parameters nobody can be asked, as upstream's Task does not ask.
 */
async function pendingPullRequest(
  call: NativeTaskCall,
  git: GitSession,
  { directory, url, branch }: { directory: string; url: string; branch: string },
): Promise<string | undefined> {
  if (call.text("REPO_FULL_NAME") === "") return undefined;
  const prefix = /^[a-z]+_/.exec(branch)?.[0];
  if (prefix === undefined) return undefined;
  const listed = await git.run(["ls-remote", "--heads", "--", url, `refs/heads/${prefix}*`], directory);
  const earlier = [...listed.matchAll(/refs\/heads\/(\S+)/g)]
    .map((match) => match[1] ?? "")
    .filter((name) => name !== branch);
  const tree = (await git.run(["rev-parse", "HEAD^{tree}"], directory)).trim();
  for (const name of earlier.slice(-MAX_EARLIER_BRANCHES)) {
    await git.run(["fetch", "--quiet", "--no-tags", "--depth=1", "--", url, `refs/heads/${name}`], directory);
    if ((await git.run(["rev-parse", "FETCH_HEAD^{tree}"], directory)).trim() !== tree) continue;
    const { client, owner, repo } = await forgeTarget(call);
    const pull = await client.findPullRequest({ owner, repo, head: name });
    if (pull !== undefined) return pull.url;
  }
  return undefined;
}

async function setCommit(call: NativeTaskCall, git: GitSession, directory: string): Promise<void> {
  const commit = (await git.run(["rev-parse", "HEAD"], directory)).trim();
  call.setResult("commit", commit);
  call.log(commit);
}
