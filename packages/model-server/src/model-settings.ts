/**
 * MLServer's `model-settings.json` beside a model: its name, its file and its version (MLServer documentation,
 * "Model Settings"). Everything else in it chooses a Python runtime and has no meaning here.
 */
import { readFile, stat } from "node:fs/promises";
import { join, normalize } from "node:path";
import { ModelLoadError } from "./model.ts";

export interface ModelSettings {
  name?: string;
  /** The model file, relative to the settings' directory and inside it. */
  uri?: string;
  version?: string;
}

export const MODEL_SETTINGS_FILE = "model-settings.json";
/** A settings file is a few lines; anything longer is something else. */
const MAX_BYTES = 1024 * 1024;
/** A version is one segment of a URL and a label of every series. */
const VERSION = /^[\w.+-]{1,128}$/;

function text(parent: object, key: string): string | undefined {
  const value: unknown = Object.entries(parent).find(([name]) => name === key)?.[1];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new ModelLoadError(`${MODEL_SETTINGS_FILE}: ${key} is not a string`);
  return value;
}

/** `./model.bst`, or the absolute path that it has in MLServer's image (`/mnt/models/model.bst`). */
function fileName(uri: string): string {
  const path = normalize(uri.replace(/^file:\/\//, "").replace(/^\/mnt\/models\//, ""));
  if (path.startsWith("/") || path.split("/").includes("..")) {
    throw new ModelLoadError(
      `${MODEL_SETTINGS_FILE}: parameters.uri ${JSON.stringify(uri)} leads out of the directory`,
    );
  }
  return path;
}

/**
 * Reads the text of a `model-settings.json`.
 *
 * @throws ModelLoadError naming the field
 */
export function parseModelSettings(json: string): ModelSettings {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (error) {
    throw new ModelLoadError(
      `${MODEL_SETTINGS_FILE}: not JSON (${error instanceof Error ? error.message : "broken"})`,
    );
  }
  if (typeof document !== "object" || document === null) {
    throw new ModelLoadError(`${MODEL_SETTINGS_FILE}: not an object`);
  }
  const given: unknown = "parameters" in document ? document.parameters : undefined;
  const parameters = typeof given === "object" && given !== null ? given : {};
  const [name, uri, version] = [text(document, "name"), text(parameters, "uri"), text(parameters, "version")];
  if (version !== undefined && !VERSION.test(version)) {
    throw new ModelLoadError(
      `${MODEL_SETTINGS_FILE}: parameters.version ${JSON.stringify(version.slice(0, 80))} is not a version`,
    );
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(uri === undefined ? {} : { uri: fileName(uri) }),
    ...(version === undefined ? {} : { version }),
  };
}

/**
 * The settings in a directory, empty when it has none.
 *
 * @throws ModelLoadError naming the field
 */
export async function readModelSettings(directory: string): Promise<ModelSettings> {
  const path = join(directory, MODEL_SETTINGS_FILE);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return {};
  if (found.size > MAX_BYTES)
    throw new ModelLoadError(`${MODEL_SETTINGS_FILE}: larger than ${MAX_BYTES} bytes`);
  return parseModelSettings(await readFile(path, "utf8"));
}
