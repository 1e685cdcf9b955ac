import { posix } from "node:path";
import type { Loader } from "./loader.ts";
import type { MergeSchema } from "./merge-schema.ts";
import { builtInMergeSchema, customMergeSchema } from "./merge-schema.ts";
import type { ConfiguredBy, Origin } from "./origin.ts";
import { isFileUrl } from "./remote.ts";
import { parseRepositoryUrl, withoutCredentials } from "./repository-url.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

/** The schema that kustomize v5.8 carries. */
const OPENAPI_VERSION = "v1.21.2";

/** Where the build stands in the tree, for origin annotations. */
class OriginTracker {
  #prefix = "";
  /** The remote repository that the build is in, with its `ref`. */
  #repository: Pick<Origin, "repo" | "ref"> = {};

  /** Runs an action for the base or component at a path relative to the present one. */
  within(path: string, action: () => void): void {
    const outer = { prefix: this.#prefix, repository: this.#repository };
    const remote = parseRepositoryUrl(path);
    if (remote === undefined) {
      this.#prefix = posix.join(outer.prefix, path);
    } else {
      this.#prefix = remote.directory;
      const ref = remote.ref === "HEAD" ? {} : { ref: remote.ref };
      this.#repository = { repo: withoutCredentials(remote.url), ...ref };
    }
    try {
      action();
    } finally {
      this.#prefix = outer.prefix;
      this.#repository = outer.repository;
    }
  }

  /** The origin of a file of the present kustomization. */
  ofFile(path: string): Origin {
    if (isFileUrl(path)) return { path: withoutCredentials(path) };
    return { ...this.#repository, path: posix.join(this.#prefix, path) };
  }

  /** The origin of what a generator or transformer of the present kustomization does. */
  configured(configuredBy: ConfiguredBy, configuredIn = "kustomization.yaml"): Origin {
    return { ...this.#repository, configuredIn: posix.join(this.#prefix, configuredIn), configuredBy };
  }
}

/** What is common to all kustomizations of one build. */
export class BuildContext {
  readonly warn: (message: string) => void;
  readonly origin = new OriginTracker();
  /** Whether the origin of resources and of their changes is wanted. */
  tracksOrigins = false;
  #isFirst = true;
  #schema: MergeSchema = builtInMergeSchema;

  constructor(warn: (message: string) => void, schema: MergeSchema | undefined) {
    this.warn = warn;
    if (schema !== undefined) this.#schema = schema;
  }

  get schema(): MergeSchema {
    return this.#schema;
  }

  /** The `openapi` field; the schema counts for the whole build, the last one read wins. */
  useOpenApi(openapi: Readonly<Record<string, string>> | undefined, loader: Loader): void {
    const isRoot = this.#isFirst;
    this.#isFirst = false;
    if (openapi === undefined) return;
    const { path, version } = openapi;
    if (path && version) throw new Error("builtin version and custom schema provided, cannot use both");
    if (version && version !== OPENAPI_VERSION) {
      throw new Error(
        `the specified OpenAPI version is not built in: ${version}; only ${OPENAPI_VERSION} is`,
      );
    }
    if (version) this.#schema = builtInMergeSchema;
    if (path) {
      const text = loader.readText(path);
      try {
        const [document] = parseYamlDocuments(text);
        this.#schema = customMergeSchema(document ?? null, isRoot ? undefined : this.#schema);
      } catch (error) {
        throw new Error(`openapi.path '${path}': ${error instanceof Error ? error.message : ""}`, {
          cause: error,
        });
      }
    }
  }
}
