/**
 * The arrows of DESIGN.md section 4 as a test: a package imports only the packages that its layer allows, and only
 * what its own package.json declares. Prints every offending import and exits 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What each package may import of ours. `testing` is allowed in test files everywhere. */
const ALLOWED: Record<string, readonly string[]> = {
  apimachinery: [],
  kustomize: ["apimachinery"],
  oci: [],
  inference: [],
  api: ["apimachinery"],
  client: ["apimachinery"],
  registry: ["oci"],
  forge: [],
  apiserver: ["apimachinery", "api"],
  runtime: ["apimachinery", "client"],
  workloads: ["apimachinery", "api", "client", "runtime"],
  kubelet: ["apimachinery", "api", "client", "runtime", "oci", "registry"],
  tekton: ["apimachinery", "api", "client", "runtime", "oci", "inference", "forge"],
  ocm: ["apimachinery", "api", "client", "runtime"],
  argocd: ["apimachinery", "api", "client", "runtime", "kustomize", "forge"],
  telemetry: ["apimachinery", "api", "client", "runtime"],
  "model-server": ["inference"],
  testing: ["apimachinery", "api", "client", "runtime", "oci", "registry", "forge", "apiserver"],
  cli: [
    "apimachinery", "kustomize", "oci", "inference", "api", "client", "registry", "forge", "apiserver", "runtime",
    "workloads", "kubelet", "tekton", "ocm", "argocd", "telemetry", "model-server",
  ],
};

/** Import and export-from specifiers, dynamic imports included; strings in other places do not match. */
const SPECIFIER = /(?:\bfrom\s+|\bimport\s*\(\s*|^\s*import\s+)["']([^"']+)["']/gm;

interface Violation {
  file: string;
  specifier: string;
  reason: string;
}

function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes("node_modules"))
    .map((name) => join(directory, name));
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}

function checkImport(name: string, declared: ReadonlySet<string>, specifier: string, isTest: boolean): string | undefined {
  if (specifier.startsWith("node:") || specifier.startsWith(".")) return undefined;
  const imported = packageOf(specifier);
  if (imported.startsWith("@ai-edge/")) {
    const target = imported.slice("@ai-edge/".length);
    if (specifier !== imported) return `reaches into @ai-edge/${target}: import its index`;
    if (isTest && (target === "testing" || ALLOWED["testing"]?.includes(target) === true)) return undefined;
    if (ALLOWED[name]?.includes(target) !== true) return `${name} may not import ${target} (DESIGN.md section 4)`;
  }
  if (isTest && (imported === "vitest" || imported === "fast-check")) return undefined;
  return declared.has(imported) ? undefined : `not declared in packages/${name}/package.json`;
}

function checkPackage(name: string): Violation[] {
  const directory = join(ROOT, "packages", name);
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
  };
  const runtime = new Set(Object.keys(manifest.dependencies ?? {}));
  const all = new Set([...runtime, ...Object.keys(manifest.devDependencies ?? {})]);
  return sourceFiles(join(directory, "src")).flatMap((file) => {
    const isTest = file.endsWith(".test.ts");
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(SPECIFIER)].flatMap((match) => {
      const specifier = match[1] ?? "";
      const reason = checkImport(name, isTest ? all : runtime, specifier, isTest);
      return reason === undefined ? [] : [{ file: relative(ROOT, file), specifier, reason }];
    });
  });
}

const packages = readdirSync(join(ROOT, "packages"));
const violations = packages.flatMap((name) =>
  name in ALLOWED ? checkPackage(name) : [{ file: `packages/${name}`, specifier: name, reason: "has no layer in scripts/check-arrows.ts" }],
);
for (const { file, specifier, reason } of violations) console.error(`${file}: "${specifier}": ${reason}`);
if (violations.length > 0) process.exit(1);
