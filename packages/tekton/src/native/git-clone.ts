import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { GitSession, redactUrls } from "./git-session.ts";
import type { GitSessionOptions } from "./git-session.ts";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { pathInside, TaskError } from "./native-task.ts";

/** Upstream's default. */
const DEFAULT_DEPTH = "1";

/** `git-clone`: the catalog's Task with upper-case parameters, and the older ClusterTask with lower-case ones. */
export function gitClone(environment: GitSessionOptions["environment"]): NativeTask {
  return {
    name: "git-clone",
    run: async (call) => {
      const url = call.required("URL", "url");
      const revision = call.text("REFSPEC", "refspec") || call.text("REVISION", "revision") || "HEAD";
      if (revision.startsWith("-"))
        throw new TaskError(`revision ${JSON.stringify(revision)} is not a revision`);
      const depth = call.text("DEPTH", "depth") || DEFAULT_DEPTH;
      if (!/^\d{1,6}$/.test(depth)) throw new TaskError(`depth ${JSON.stringify(depth)} is not a number`);
      const directory = await emptyTarget(call);
      const git = await GitSession.open(call, {
        environment,
        remote: { url },
        basicAuth: call.workspace("basic-auth"),
        caDirectory: call.workspace("ssl-ca-directory"),
        sslVerify: call.text("SSL_VERIFY", "sslVerify") !== "false",
      });
      call.log(`cloning ${redactUrls(url)} at ${revision}`);
      await git.run(["init", "--quiet", "--template=", directory]);
      await git.run(["remote", "add", "origin", redactUrls(url)], directory);
      await git.run(
        [
          "fetch",
          "--quiet",
          "--no-tags",
          ...(depth === "0" ? [] : [`--depth=${depth}`]),
          "--",
          url,
          revision,
        ],
        directory,
      );
      await git.run(["checkout", "--quiet", "--force", "--detach", "FETCH_HEAD"], directory);
      const commit = (await git.run(["rev-parse", "HEAD"], directory)).trim();
      const date = (await git.run(["log", "-1", "--format=%ct"], directory)).trim();
      for (const [name, value] of Object.entries({
        COMMIT: commit,
        URL: redactUrls(url),
        COMMITTER_DATE: date,
      })) {
        call.setResult(name, value);
        call.setResult(name.toLowerCase().replace("_", "-"), value);
      }
      call.log(`checked out ${commit}`);
    },
  };
}

/** The directory to clone into, emptied unless the user says otherwise: volumes are reused, attempts repeated. */
async function emptyTarget(call: NativeTaskCall): Promise<string> {
  const directory = await pathInside(
    call.requiredWorkspace("output"),
    call.text("SUBDIRECTORY", "subdirectory"),
  );
  await mkdir(directory, { recursive: true });
  if (call.text("DELETE_EXISTING", "deleteExisting") === "false") return directory;
  for (const entry of await readdir(directory))
    await rm(join(directory, entry), { recursive: true, force: true });
  return directory;
}
