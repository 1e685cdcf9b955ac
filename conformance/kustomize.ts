/*
 * Scores @ai-edge/kustomize against cases of kustomize's own tests. Run: npx node conformance/kustomize.ts [name part]
 * Each case is a directory with `case.json`, `input/` and `expected.yaml` or `error.txt`; paths in the messages of the
 * error cases are those of kustomize's in-memory tests, so the inputs are built in memory, rooted at `/`.
 * Also compares rendered trees: `<path with _ for />.yaml` in the folder `rendered` beside the trees.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, diskFileSystem, memoryFileSystem, toYaml } from "../packages/kustomize/src/index.ts";
import type { BuildOptions } from "../packages/kustomize/src/index.ts";

const CASES = process.env.KUSTOMIZE_CASES ?? "../shared/corpus/kustomize/cases";
const TREES = process.env.KUSTOMIZE_TREES ?? "../shared/corpus/ai-edge";

interface Case {
  readonly kind: "output" | "error";
  readonly mode: "equals" | "contains" | "any" | "regexp";
  readonly path: string;
  readonly options: { reorder: string; loadRestrictor: string; enableManagedByLabel: boolean };
}

function readTree(root: string, folder = ""): [string, Uint8Array][] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    return statSync(join(root, path)).isDirectory()
      ? readTree(root, path)
      : [[path, readFileSync(join(root, path))] as [string, Uint8Array]];
  });
}

/** What differs, or undefined when the case is as expected. */
function run(name: string): string | undefined {
  const folder = join(CASES, name);
  const definition: Case = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
  const { reorder, loadRestrictor, enableManagedByLabel } = definition.options;
  const options: BuildOptions = {
    reorder: reorder === "none" ? "none" : "legacy",
    loadRestrictor: loadRestrictor === "none" ? "LoadRestrictionsNone" : "LoadRestrictionsRootOnly",
    managedByLabel: enableManagedByLabel,
    version: "(test)",
  };
  let output: string;
  try {
    const files = memoryFileSystem(new Map(readTree(join(folder, "input"))));
    output = toYaml(build(files, definition.path, options).resources);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (definition.kind === "output") return `failed: ${message}`;
    return matchesError(definition.mode, readFileSync(join(folder, "error.txt"), "utf8").trim(), message)
      ? undefined
      : `other error: ${message}`;
  }
  if (definition.kind === "error") return "built, but an error was expected";
  return output === readFileSync(join(folder, "expected.yaml"), "utf8")
    ? undefined
    : `other output:\n${output}`;
}

function matchesError(mode: Case["mode"], expected: string, message: string): boolean {
  if (mode === "any") return true;
  return mode === "regexp" ? new RegExp(expected).test(message) : message.includes(expected);
}

if (!existsSync(CASES)) {
  console.error(`no cases at ${CASES}: set KUSTOMIZE_CASES`);
  process.exit(2);
}
const filter = process.argv[2] ?? "";
const names = readdirSync(CASES).filter((name) => name.includes(filter));
const failures = names.flatMap((name) => {
  const difference = run(name);
  return difference === undefined ? [] : [{ name, difference }];
});
for (const { name, difference } of failures) {
  console.log(
    filter === "" ? `FAIL ${name}: ${difference.split("\n")[0] ?? ""}` : `FAIL ${name}: ${difference}`,
  );
}
console.log(`kustomize: ${names.length - failures.length} of ${names.length} cases as expected`);

/** The directories below a root that have a kustomization, by their path with `_` for `/`. */
function kustomizations(root: string): Map<string, string> {
  const found = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith("/kustomization.yaml"),
  );
  return new Map(
    found.map((path) => {
      const directory = path.slice(0, path.lastIndexOf("/"));
      return [directory.replaceAll("/", "_"), resolve(root, directory)];
    }),
  );
}

/** Prints the trees that differ. @returns their number */
function compareTrees(): number {
  const rendered = readdirSync(join(TREES, "rendered")).filter((name) => name.endsWith(".yaml"));
  const directories = kustomizations(TREES);
  const different = rendered.filter((name) => {
    const directory = directories.get(name.replace(/\.yaml$/, ""));
    if (directory === undefined) return true;
    const output = toYaml(build(diskFileSystem(), directory).resources);
    return output !== readFileSync(join(TREES, "rendered", name), "utf8");
  });
  for (const name of different) console.log(`FAIL ${name}`);
  console.log(`kustomize: ${rendered.length - different.length} of ${rendered.length} trees byte-equal`);
  return different.length;
}

const treesFailed = existsSync(join(TREES, "rendered")) ? compareTrees() : 0;
process.exitCode = failures.length + treesFailed === 0 ? 0 : 1;
