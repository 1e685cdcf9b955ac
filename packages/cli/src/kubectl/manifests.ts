import { readFile, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type UnstructuredObject, isJsonObject } from "@ai-edge/apimachinery";
import { build, diskFileSystem, toObjects } from "@ai-edge/kustomize";
import { parseAllDocuments } from "yaml";
import { UsageError, UserError, messageOf } from "../user-error.ts";
import type { KubectlIO } from "./command.ts";

/** kubectl reads these from a directory. */
const EXTENSIONS = [".json", ".yaml", ".yml"];
/** Above the largest manifests in use (Tekton's CRDs have 2 MB), below what would trouble the heap. */
const MAX_MANIFEST_BYTES = 32 * 1024 * 1024;

/** The objects that `-f` and `-k` name, in their order; lists are unfolded. */
export async function readManifests(
  flags: { filename?: string[] | undefined; kustomize?: string | undefined },
  io: KubectlIO,
): Promise<UnstructuredObject[]> {
  const { filename = [], kustomize } = flags;
  if ((filename.length === 0) === (kustomize === undefined)) throw new UsageError("give either -f or -k");
  if (kustomize !== undefined) return buildKustomization(resolve(io.cwd, kustomize), io);
  const objects: UnstructuredObject[] = [];
  for (const name of filename) {
    const texts =
      name === "-" ? [{ source: "stdin", text: await readStdin(io) }] : await readPath(resolve(io.cwd, name));
    for (const { source, text } of texts) objects.push(...parseManifests(text, source));
  }
  if (objects.length === 0) throw new UserError(`no objects in ${filename.join(", ")}`);
  return objects;
}

/** Parses YAML documents or JSON. @throws UserError naming the source and the line */
function parseManifests(text: string, source: string): UnstructuredObject[] {
  if (text.length > MAX_MANIFEST_BYTES)
    throw new UserError(`${source} is larger than ${MAX_MANIFEST_BYTES} bytes`);
  return parseAllDocuments(text).flatMap((document, index) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw new UserError(`${source}: not YAML: ${problem.message.split("\n")[0]}`);
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    return unfold(value, `${source}, document ${index + 1}`);
  });
}

function unfold(value: unknown, where: string): UnstructuredObject[] {
  if (!isObject(value)) throw new UserError(`${where}: not an object with apiVersion and kind`);
  if (!value.kind.endsWith("List") || !Array.isArray(value["items"])) {
    if (!isJsonObject(value.metadata) || typeof value.metadata.name !== "string") {
      throw new UserError(`${where}: ${value.kind} has no metadata.name`);
    }
    return [value];
  }
  const items: unknown[] = value["items"];
  return items.flatMap((item, index) => unfold(item, `${where}, item ${index + 1}`));
}

function isObject(value: unknown): value is UnstructuredObject {
  return isJsonObject(value) && typeof value["apiVersion"] === "string" && typeof value["kind"] === "string";
}

function buildKustomization(directory: string, io: KubectlIO): UnstructuredObject[] {
  try {
    const { resources, warnings } = build(diskFileSystem(), directory, { reorder: "legacy" });
    for (const warning of warnings) io.stderr.write(`# Warning: ${warning}\n`);
    return toObjects(resources);
  } catch (error) {
    throw new UserError(messageOf(error));
  }
}

async function readPath(path: string): Promise<{ source: string; text: string }[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [{ source: path, text: await readFile(path, "utf8") }];
    const names = (await readdir(path)).filter((name) =>
      EXTENSIONS.some((extension) => name.endsWith(extension)),
    );
    return await Promise.all(
      names.sort().map(async (name) => ({ source: name, text: await readFile(join(path, name), "utf8") })),
    );
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

async function readStdin(io: KubectlIO): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of io.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
