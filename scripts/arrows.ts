/**
 * The arrows of ARCHITECTURE.md ("Packages and arrows"): which package may import which, and only what its own
 * package.json declares. No I/O here; check-arrows.ts feeds it the tree.
 */
import { posix } from "node:path";

/** Everything below the packages that only compose: what a composition root may import. */
const EVERY_LAYER = [
  "apimachinery",
  "kustomize",
  "oci",
  "inference",
  "api",
  "client",
  "registry",
  "forge",
  "apiserver",
  "runtime",
  "workloads",
  "kubelet",
  "tekton",
  "ocm",
  "argocd",
  "telemetry",
  "model-server",
];

/** What each package may import of ours, in the order of the layers. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
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
  cli: EVERY_LAYER,
};

/** What a test file may import without a declaration: the starters of real servers, and what stands below them. */
const TEST_PACKAGES: ReadonlySet<string> = new Set([
  "testing",
  ...(ALLOWED["testing"] ?? []),
  "kustomize",
  "inference",
]);
/** Tests stand beside their source; what several of them share, in a folder `testing`. */
const TEST_FILE = /\.test\.ts$|\/testing\//;
/** The test tools, which the root package.json declares for all. */
const TEST_TOOLS: ReadonlySet<string> = new Set(["vitest", "fast-check"]);

const OWN_SCOPE = "@ai-edge/";

/**
 * The specifiers of a source text: import and export … from, import for its effect, and import(…) with a literal.
 * An import clause has only names, braces, commas and stars before its `from`: so sentences in strings do not match.
 */
const SPECIFIER =
  /^\s*(?:import|export)\s+[\w$\s{},*]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\s*\(\s*["']([^"']+)["']/gm;

export interface SourceFile {
  /** Relative to the package's directory, with slashes, as in "src/index.ts". */
  readonly path: string;
  readonly text: string;
}

export interface PackageSources {
  /** The directory's name below packages/, which is also the package's name without the scope. */
  readonly name: string;
  readonly manifest: {
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly devDependencies?: Readonly<Record<string, string>>;
  };
  readonly files: readonly SourceFile[];
}

export interface Violation {
  /** Relative to the repository's root. */
  readonly file: string;
  readonly specifier: string;
  readonly reason: string;
}

/** Every import of `sources` that its layer or its package.json does not allow, in the order of the files. */
export function arrowViolations(sources: PackageSources): Violation[] {
  const { name, manifest, files } = sources;
  const allowed = ALLOWED[name];
  if (allowed === undefined) {
    return [{ file: `packages/${name}`, specifier: name, reason: "has no layer in scripts/arrows.ts" }];
  }
  const runtime = new Set(Object.keys(manifest.dependencies ?? {}));
  const all = new Set([...runtime, ...Object.keys(manifest.devDependencies ?? {})]);
  return files.flatMap(({ path, text }) => {
    const isTest = TEST_FILE.test(path);
    const importer: Importer = { name, path, isTest, allowed, declared: isTest ? all : runtime };
    return importedSpecifiers(text).flatMap((specifier) => {
      const reason = specifier.startsWith(".")
        ? problemOfPath(importer, specifier)
        : problemOfPackage(importer, specifier);
      return reason === undefined ? [] : [{ file: `packages/${name}/${path}`, specifier, reason }];
    });
  });
}

interface Importer {
  readonly name: string;
  readonly path: string;
  readonly isTest: boolean;
  readonly allowed: readonly string[];
  readonly declared: ReadonlySet<string>;
}

function importedSpecifiers(text: string): string[] {
  return [...text.matchAll(SPECIFIER)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

function problemOfPath({ name, path }: Importer, specifier: string): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  return target.startsWith("../")
    ? `leaves packages/${name}: import the other package by its name`
    : undefined;
}

function problemOfPackage(importer: Importer, specifier: string): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  const { name, isTest, allowed, declared } = importer;
  const imported = packageOf(specifier);
  if (imported.startsWith(OWN_SCOPE)) {
    const target = imported.slice(OWN_SCOPE.length);
    if (specifier !== imported) return `reaches into ${imported}: import its index`;
    if (isTest && TEST_PACKAGES.has(target)) return undefined;
    if (!allowed.includes(target)) return `${name} may not import ${target} (ARCHITECTURE.md, arrows)`;
  }
  if (isTest && TEST_TOOLS.has(imported)) return undefined;
  return declared.has(imported) ? undefined : `not declared in packages/${name}/package.json`;
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier);
}
