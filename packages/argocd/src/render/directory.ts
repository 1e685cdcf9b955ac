import { type Dirent } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { parseAllDocuments } from "yaml";
import { asManifests } from "./manifest.ts";
import { SourceError } from "./source-error.ts";

export interface DirectoryOptions {
  recurse?: boolean;
  /** Globs over the path below the directory: `*.yaml`, `{a,b}/*.yml`. */
  include?: string;
  exclude?: string;
}

/** Manifests are small; a file beyond this is data that lies beside them. Argo CD's bound is 10 MB for all. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5_000;
/** Enough for shared anchors, far from an expansion bomb. */
const MAX_ALIASES = 1_000;

/** The manifests in the YAML and JSON files of a directory, in the order of the file names. @throws SourceError */
export async function renderDirectory(
  directory: string,
  options: DirectoryOptions,
): Promise<UnstructuredObject[]> {
  const files = await manifestFiles(directory, "", options);
  const manifests: UnstructuredObject[] = [];
  for (const file of files) {
    const absolute = path.join(directory, file);
    const { size } = await stat(absolute);
    if (size > MAX_FILE_BYTES)
      throw new SourceError(`${file}: ${size} bytes are too many for a manifest (at most ${MAX_FILE_BYTES})`);
    manifests.push(...parseManifests(await readFile(absolute, "utf8"), file));
  }
  return manifests;
}

/** The objects in a YAML or JSON text; a `List` stands for its items. @throws SourceError naming the file */
function parseManifests(text: string, file: string): UnstructuredObject[] {
  // Kubernetes reads YAML 1.1: `yes` is a boolean.
  const documents = parseAllDocuments(text, { version: "1.1", merge: true, uniqueKeys: true });
  return Array.from(documents).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new SourceError(`${file}: ${error.message}`);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (cause) {
      throw new SourceError(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
    return value === null || value === undefined ? [] : asManifests(value, file);
  });
}

async function manifestFiles(root: string, below: string, options: DirectoryOptions): Promise<string[]> {
  const entries = await readdir(path.join(root, below), { withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory() && options.recurse === true && entry.name !== ".git") {
      files.push(...(await manifestFiles(root, name, options)));
    } else if (isManifestFile(entry) && isSelected(name, options)) files.push(name);
    if (files.length > MAX_FILES) throw new SourceError(`more than ${MAX_FILES} manifest files`);
  }
  return files;
}

function isManifestFile(entry: Dirent): boolean {
  return entry.isFile() && /\.(ya?ml|json)$/.test(entry.name);
}

function isSelected(name: string, { include = "", exclude = "" }: DirectoryOptions): boolean {
  return (
    (include === "" || path.matchesGlob(name, include)) &&
    (exclude === "" || !path.matchesGlob(name, exclude))
  );
}
