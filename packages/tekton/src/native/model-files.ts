import { lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { detectModelFormat, MODEL_HEAD_BYTES } from "@ai-edge/inference";
import type { ModelFile } from "@ai-edge/inference";
import type { NativeTask, NativeTaskCall } from "./native-task.ts";
import { pathInside, TaskError } from "./native-task.ts";

/** A model directory with more files than this is a checkout of something else. */
const MAX_MODEL_FILES = 10_000;
/** A Containerfile is read by people. */
const MAX_CONTAINERFILE_BYTES = 1024 * 1024;

/** `move-model-to-root-dir`: leaves of a clone only the model, at `<subdirectory>/<model-name>`. */
export const moveModelToRootDir: NativeTask = {
  name: "move-model-to-root-dir",
  run: async (call) => {
    const workspace = call.requiredWorkspace("workspace");
    const [model, subdirectory] = [call.required("model-name"), call.required("subdirectory")];
    const clone = await pathInside(workspace, subdirectory);
    const target = await pathInside(workspace, join(subdirectory, model));
    const parked = await pathInside(workspace, `.moving-${basename(subdirectory)}`);
    const source = await pathInside(
      workspace,
      join(subdirectory, call.text("src-model-relative-path"), model),
    );
    // An attempt that was cut off left the model parked: go on from there.
    if (!(await isDirectory(parked))) {
      if (!(await isDirectory(join(clone, ".git"))) && (await isDirectory(target))) return;
      if (!(await isDirectory(source))) throw new TaskError(await missingModel(call, clone));
      await rename(source, parked);
    }
    await rm(clone, { recursive: true, force: true });
    await mkdir(join(target, ".."), { recursive: true });
    await rename(parked, target);
    call.log(`moved the model to ${subdirectory}/${model}`);
  },
};

/** `check-model-and-containerfile-exists`; our addition is that the model's format is judged here, before any build. */
export const checkModelAndContainerfile: NativeTask = {
  name: "check-model-and-containerfile-exists",
  run: async (call) => {
    const workspace = call.requiredWorkspace("workspace");
    const model = call.required("model-name");
    const directory = await pathInside(workspace, `model_dir-${model}/${model}`);
    if (!(await isDirectory(directory)))
      throw new TaskError(
        `model directory model_dir-${model}/${model} does not exist in the workspace: nothing was fetched for model "${model}"`,
      );
    const containerfile = call.required("containerfilePath");
    const size = (await lstat(await pathInside(workspace, containerfile)).catch(() => undefined))?.size;
    if (size === undefined)
      throw new TaskError(
        `Containerfile ${containerfile} does not exist: correct containerfile-relative-path, or add it to the repository`,
      );
    if (size > MAX_CONTAINERFILE_BYTES)
      throw new TaskError(`Containerfile ${containerfile} is larger than ${MAX_CONTAINERFILE_BYTES} bytes`);
    const entries = (await readdir(directory, { withFileTypes: true })).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    const list = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    call.setResult("model-files-size", `${await diskKibibytes(directory)}\n`);
    call.setResult("model-files-list", `${list.join("\n")}\n`);
    for (const name of list) call.log(name);
    await checkFormat(call, await pathInside(directory, call.text("model-dir")), model);
  },
};

async function checkFormat(call: NativeTaskCall, directory: string, model: string): Promise<void> {
  if (!(await isDirectory(directory)))
    throw new TaskError(
      `model-dir ${JSON.stringify(call.text("model-dir"))} is no directory of model "${model}"`,
    );
  const detected = detectModelFormat(await modelFiles(directory));
  if (!detected.servable)
    throw new TaskError(
      `model "${model}" cannot be served: ${detected.advice ?? `its format is ${detected.format}`}`,
    );
  call.log(`model format: ${detected.format} (${detected.path})`);
}

/** Every regular file below a directory with its first bytes. */
async function modelFiles(directory: string): Promise<ModelFile[]> {
  const files: ModelFile[] = [];
  const visit = async (below: string): Promise<void> => {
    for (const entry of await readdir(join(directory, below), { withFileTypes: true })) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) await visit(path);
      if (!entry.isFile()) continue;
      if (files.length >= MAX_MODEL_FILES)
        throw new TaskError(`the model directory has more than ${MAX_MODEL_FILES} files`);
      files.push(await modelFile(join(directory, path), path));
    }
  };
  await visit("");
  return files;
}

async function modelFile(file: string, path: string): Promise<ModelFile> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(Math.min(size, MODEL_HEAD_BYTES));
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return { path, size, head: head.subarray(0, bytesRead) };
  } finally {
    await handle.close();
  }
}

/** As `du -s`: blocks on the disk, in KiB. */
async function diskKibibytes(path: string): Promise<number> {
  const { blocks } = await lstat(path);
  let total = blocks / 2;
  if (await isDirectory(path)) {
    for (const entry of await readdir(path)) total += await diskKibibytes(join(path, entry));
  }
  return total;
}

async function missingModel(call: NativeTaskCall, clone: string): Promise<string> {
  const below = join(call.text("src-model-relative-path"), call.required("model-name"));
  const parent = await pathInside(clone, call.text("src-model-relative-path"));
  const there = await readdir(parent, { withFileTypes: true }).catch(() => []);
  const names = there
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name);
  return `model directory ${below} does not exist in the repository; there is: ${names.slice(0, 20).join(", ") || "no directory"}`;
}

async function isDirectory(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
