import { lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { NativeTask } from "./native-task.ts";
import { pathInside, TaskError } from "./native-task.ts";
import { assignInJson, assignInYaml } from "./yaml-edit.ts";
import { parseYqScript } from "./yq-script.ts";

/** Manifests are read by people. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/** `yq-update`: edits manifests in a clone. */
export const yqUpdate: NativeTask = {
  name: "yq-update",
  run: async (call) => {
    const repository = call.text("git-repo-path");
    const environment = {
      IMAGE_NAME: call.text("env-image-name"),
      IMAGE_DIGEST: call.text("env-image-digest"),
    };
    for (const assignment of parseYqScript(call.required("SCRIPT"), environment)) {
      const file = await pathInside(call.requiredWorkspace("source"), join(repository, assignment.file));
      const stats = await lstat(file).catch(() => undefined);
      if (stats?.isFile() !== true)
        throw new TaskError(`${assignment.file} does not exist in the repository: correct the yq script`);
      if (stats.size > MAX_FILE_BYTES)
        throw new TaskError(`${assignment.file} is larger than ${MAX_FILE_BYTES} bytes`);
      const before = await readFile(file, "utf8");
      const after =
        assignment.json === undefined ? assignInYaml(before, assignment) : assignInJson(before, assignment);
      if (after !== before) await writeFile(file, after);
      call.log(`${assignment.file}: ${after === before ? "unchanged" : "updated"}`);
    }
    call.setResult("yq", "");
  },
};
