/** Finds and loads the model in a directory: numbered version folders (`1/`, `2/`, …) or the files themselves. */
import {
  detectModelFormat,
  MODEL_HEAD_BYTES,
  parseSignatureColumns,
  type Column,
  type DetectedModel,
  type ModelFile,
} from "@ai-edge/inference";
import { createHash } from "node:crypto";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { MODEL_SETTINGS_FILE, readModelSettings, type ModelSettings } from "./model-settings.ts";
import { ModelLoadError, type Model } from "./model.ts";

export interface LoadedModel {
  model: Model;
  /** What model-settings.json says, else the number of the version folder, else "1". */
  version: string;
  format: string;
  /** `sha256:…` of the model file. */
  digest: string;
  /** Where an MLmodel stands beside the model: the columns of its signature, if it has any. */
  mlflow?: { columns: readonly Column[] | undefined };
  /** The directory that holds the model file's version, where companions such as `golden/` lie. */
  directory: string;
}

/** A model directory holds a handful of files; more means that someone mounted a whole volume. */
const MAX_FILES = 2_000;
/** Bound on what is read into memory at once. V8's strings end near 512 MiB, so a JSON model could not be larger. */
const MAX_MODEL_BYTES = 512 * 1024 * 1024;
/** An MLmodel is a page of text; a wide signature makes it long. */
const MAX_MLMODEL_BYTES = 4 * 1024 * 1024;

async function readHead(path: string): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MODEL_HEAD_BYTES), 0, MODEL_HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function listFiles(directory: string): Promise<ModelFile[]> {
  let entries;
  try {
    entries = await readdir(directory, { recursive: true, withFileTypes: true });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new ModelLoadError(
      `model directory ${directory}: ${code}; give --model-dir a directory with the model`,
    );
  }
  if (entries.length > MAX_FILES) {
    throw new ModelLoadError(`model directory ${directory}: more than ${MAX_FILES} files`);
  }
  const files: ModelFile[] = [];
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const relative = path.slice(directory.length).replace(/^\/+/, "");
    files.push({ path: relative, size: (await stat(path)).size, head: await readHead(path) });
  }
  return files;
}

/** Each format's code is loaded only for a model of that format: a site's server should stay small. */
async function parse(format: DetectedModel["format"], bytes: Buffer): Promise<Model> {
  switch (format) {
    case "onnx":
      return (await import("./onnx/model.ts")).loadOnnxModel(bytes);
    case "lightgbm-text":
      return (await import("./lightgbm/model.ts")).loadLightgbmModel(bytes.toString("utf8"));
    case "xgboost-json":
      return (await import("./xgboost/model.ts")).loadXgboostModel(bytes.toString("utf8"));
    case "xgboost-ubj":
      return (await import("./xgboost/model.ts")).loadXgboostModel(bytes);
    default:
      throw new ModelLoadError(`models of the format ${format} are not served`);
  }
}

async function loadFile(
  detected: DetectedModel,
  directory: string,
): Promise<{ model: Model; digest: string }> {
  const path = join(directory, detected.path);
  const { size } = await stat(path);
  if (size > MAX_MODEL_BYTES)
    throw new ModelLoadError(`${detected.path}: larger than ${MAX_MODEL_BYTES} bytes`);
  const bytes = await readFile(path);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { model: await parse(detected.format, bytes), digest };
}

/** The layout of OpenVINO Model Server's images: `/models` holds a folder per model name. */
async function modelRoot(directory: string, name: string): Promise<string> {
  const root = directory.replace(/(.)\/+$/, "$1");
  // A name is no path: "../x" must not lead out of the directory.
  if (name !== basename(name)) return root;
  const named = join(root, name);
  const entry = await stat(named).catch(() => undefined);
  return entry?.isDirectory() === true ? named : root;
}

/** The MLmodel of the version that is served; its signature is JSON in YAML (see mlmodel.ts). */
async function readMlflow(
  files: ModelFile[],
  root: string,
  version: string | undefined,
): Promise<LoadedModel["mlflow"]> {
  const isInVersion = (path: string): boolean => version === undefined || path.startsWith(`${version}/`);
  const file = files.find(({ path }) => basename(path) === "MLmodel" && isInVersion(path));
  if (file === undefined) return undefined;
  if (file.size > MAX_MLMODEL_BYTES) {
    throw new ModelLoadError(`${file.path}: larger than ${MAX_MLMODEL_BYTES} bytes`);
  }
  try {
    return { columns: parseSignatureColumns(await readFile(join(root, file.path), "utf8")) };
  } catch (error) {
    throw new ModelLoadError(`${file.path}: ${error instanceof Error ? error.message : "unreadable"}`);
  }
}

/** Where settings name the model file, the others are not candidates. */
function namedFiles(files: ModelFile[], { uri }: ModelSettings): ModelFile[] {
  if (uri === undefined || uri === ".") return files;
  const named = files.filter((file) => file.path === uri || file.path.startsWith(`${uri}/`));
  if (named.length === 0) {
    throw new ModelLoadError(`${MODEL_SETTINGS_FILE}: parameters.uri ${JSON.stringify(uri)} does not exist`);
  }
  return named;
}

/**
 * Loads the model of a directory, or of its folder called `name` if it has one; of several versions the highest.
 *
 * @throws ModelLoadError with one sentence for the user: nothing there, a format that is not served, a broken file
 */
export async function loadModelDirectory(directory: string, name: string): Promise<LoadedModel> {
  const root = await modelRoot(directory, name);
  const files = await listFiles(root);
  const settings = await readModelSettings(root);
  const detected = detectModelFormat(namedFiles(files, settings));
  if (!detected.servable) {
    throw new ModelLoadError(
      `model directory ${root}: ${detected.advice ?? `${detected.format} is not served`}`,
    );
  }
  const { model, digest } = await loadFile(detected, root);
  const mlflow = await readMlflow(files, root, detected.version);
  const version = settings.version ?? detected.version ?? "1";
  return {
    model,
    version,
    format: detected.format,
    digest,
    ...(mlflow === undefined ? {} : { mlflow }),
    directory: detected.version === undefined ? root : join(root, detected.version),
  };
}
