import { stat } from "node:fs/promises";
import path from "node:path";
import type { ApplicationSource, ApplicationStatus } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import { renderDirectory } from "./directory.ts";
import { renderKustomization } from "./kustomization.ts";
import { SourceError } from "./source-error.ts";

export type SourceType = NonNullable<ApplicationStatus["sourceType"]>;

export interface Rendered {
  sourceType: SourceType;
  manifests: UnstructuredObject[];
  /** Parts of the source that have no effect here, told to the user. */
  warnings: string[];
}

const KUSTOMIZATION_FILES = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/**
 * Renders an Application's source from the files of a commit.
 * @param root the files of the repository
 * @throws SourceError with what is wrong in the repository or in the source
 */
export async function renderSource(root: string, source: ApplicationSource): Promise<Rendered> {
  const directory = sourceDirectory(root, source);
  if (!(await isDirectory(directory)))
    throw new SourceError(`${source.path ?? "."}: app path does not exist`);
  const sourceType = await detectSourceType(directory, source);
  if (sourceType === "Helm" || sourceType === "Plugin") {
    const found = sourceType === "Helm" ? "a Helm chart" : "a plugin";
    throw new SourceError(
      `${source.path ?? "."}: the source is ${found}, which is not supported; use kustomize or plain manifests`,
    );
  }
  if (sourceType === "Kustomize")
    return { sourceType, ...renderKustomization(root, directory, source.kustomize) };
  const { recurse, include, exclude, jsonnet } = source.directory ?? {};
  const manifests = await renderDirectory(directory, {
    ...(recurse === undefined ? {} : { recurse }),
    ...(include === undefined ? {} : { include }),
    ...(exclude === undefined ? {} : { exclude }),
  });
  return {
    sourceType,
    manifests,
    warnings: jsonnet === undefined ? [] : ["source.directory.jsonnet is not supported"],
  };
}

/** The path of a source must stay inside of its repository. */
function sourceDirectory(root: string, source: ApplicationSource): string {
  if (source.chart !== undefined && source.chart !== "")
    throw new SourceError(`chart ${source.chart}: Helm repositories are not supported`);
  const below = path.posix.normalize(source.path ?? ".");
  if (path.posix.isAbsolute(below) || below === ".." || below.startsWith("../")) {
    throw new SourceError(`${source.path ?? ""}: app path must be inside of the repository`);
  }
  return path.join(root, below);
}

async function detectSourceType(directory: string, source: ApplicationSource): Promise<SourceType> {
  if (source.plugin !== undefined) return "Plugin";
  if (source.helm !== undefined) return "Helm";
  if (source.kustomize !== undefined) return "Kustomize";
  if (source.directory !== undefined) return "Directory";
  if (await isFile(path.join(directory, "Chart.yaml"))) return "Helm";
  for (const name of KUSTOMIZATION_FILES) if (await isFile(path.join(directory, name))) return "Kustomize";
  return "Directory";
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

async function isDirectory(file: string): Promise<boolean> {
  return stat(file).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
