import { BuildContext } from "./build-context.ts";
import { appendHashes } from "./content-hash.ts";
import type { FileSystem } from "./file-system.ts";
import type { SortOptions } from "./kustomization.ts";
import type { ResourceOrder } from "./legacy-order.ts";
import { sortResources } from "./legacy-order.ts";
import type { LoadRestrictor } from "./loader.ts";
import { Loader } from "./loader.ts";
import type { MergeSchema } from "./merge-schema.ts";
import { fixNameReferences } from "./name-reference.ts";
import { formatOrigin, formatTransformations } from "./origin.ts";
import type { RemoteSource } from "./remote.ts";
import { noRemoteSource } from "./remote.ts";
import { Accumulator } from "./accumulator.ts";
import { Target } from "./target.ts";
import { COMMON_LABELS } from "./default-field-specs.ts";
import { setPairs } from "./labels-and-annotations.ts";
import type { ValueMap } from "./value.ts";
import { getIn, isMap, isScalar } from "./value.ts";
import { replaceVars } from "./vars.ts";
import { emitDocuments } from "./yaml-emitter.ts";

export interface BuildOptions {
  /** Order of the output where the kustomization has no `sortOptions`; kustomize's command defaults to `legacy`. */
  readonly reorder?: ResourceOrder;
  /** `LoadRestrictionsNone` lets a kustomization read files outside of its directory. */
  readonly loadRestrictor?: LoadRestrictor;
  /** Adds the label `app.kubernetes.io/managed-by`. */
  readonly managedByLabel?: boolean;
  /** What the label says behind `kustomize-`. */
  readonly version?: string;
  /** Merge keys of kinds that kustomize does not know; replaces the built-in ones. */
  readonly schema?: MergeSchema;
}

export interface BuildResult {
  /** The manifests in order, as plain objects. */
  readonly resources: ValueMap[];
  /** kustomize's warnings about deprecated fields. */
  readonly warnings: string[];
}

/** The version of kustomize whose behaviour this is. */
export const KUSTOMIZE_VERSION = "v5.8.1";

const MANAGED_BY = "app.kubernetes.io/managed-by";
const LOCAL_CONFIG = "config.kubernetes.io/local-config";

/**
 * Builds a kustomization: what `kustomize build` prints, as objects. Pure: depends on nothing but the files.
 * @param path the directory, absolute in the file system
 * @throws Error in kustomize's words that names file and field
 */
export function build(fileSystem: FileSystem, path: string, options: BuildOptions = {}): BuildResult {
  return buildFrom(fileSystem, path, options, noRemoteSource());
}

/** As {@link build}, with remote files and bases from a source. */
export function buildFrom(
  fileSystem: FileSystem,
  path: string,
  options: BuildOptions,
  remote: RemoteSource,
): BuildResult {
  const warnings: string[] = [];
  const loadRestrictor = options.loadRestrictor ?? "LoadRestrictionsRootOnly";
  const loader = Loader.open({ fileSystem, loadRestrictor, remote }, path);
  const context = new BuildContext((message) => void warnings.push(message), options.schema);
  const target = Target.load(loader, context);
  const total = new Accumulator();
  const metadata = new Set(target.kustomization.buildMetadata ?? []);
  context.tracksOrigins = metadata.has("originAnnotations") || metadata.has("transformerAnnotations");
  target.accumulate(total);
  finish(total, context);
  const { map } = total;
  const order: SortOptions = target.kustomization.sortOptions ?? {
    order: options.reorder === "none" ? "fifo" : "legacy",
  };
  sortResources(map, order);
  if (options.managedByLabel === true || metadata.has("managedByLabel")) {
    setPairs(
      map,
      { [MANAGED_BY]: `kustomize-${options.version ?? KUSTOMIZE_VERSION}` },
      COMMON_LABELS.slice(0, 1),
    );
  }
  for (const resource of map.resources) {
    if (metadata.has("originAnnotations") && resource.origin !== undefined) {
      resource.annotate({ "config.kubernetes.io/origin": formatOrigin(resource.origin) });
    }
    if (metadata.has("transformerAnnotations") && resource.transformations.length > 0) {
      resource.annotate({
        "alpha.config.kubernetes.io/transformations": formatTransformations(resource.transformations),
      });
    }
  }
  return { resources: map.resources.map((resource) => resource.value), warnings };
}

/** The steps that only the root takes. */
function finish(total: Accumulator, context: BuildContext): void {
  const { map } = total;
  appendHashes(map);
  fixNameReferences(map, total.config.nameReference);
  if (!total.vars.isEmpty) {
    const unused = replaceVars(map, total.vars.values(), total.config.varReference);
    if (unused.length > 0) context.warn(`well-defined vars that were never replaced: ${unused.join(",")}`);
  }
  const kept = map.resources.filter((resource) => {
    const annotations = getIn(resource.value.metadata, "annotations");
    return (
      !isMap(annotations) || annotations[LOCAL_CONFIG] === undefined || annotations[LOCAL_CONFIG] === "false"
    );
  });
  if (kept.length < map.resources.length) map.replaceAll(kept);
  for (const resource of map.resources) tidyAnnotations(resource.value);
}

/** Annotations are text whatever the manifest says, and an empty map of them goes, as in kustomize. */
function tidyAnnotations(object: ValueMap): void {
  const { metadata } = object;
  const annotations = getIn(metadata, "annotations");
  if (!isMap(metadata)) return;
  if (annotations === null) delete metadata.annotations;
  if (!isMap(annotations)) return;
  const keys = Object.keys(annotations);
  if (keys.length === 0) delete metadata.annotations;
  for (const key of keys) {
    const value = annotations[key] ?? null;
    if (isScalar(value)) annotations[key] = String(value);
  }
}

/** The text that `kustomize build` prints. */
export function toYaml(resources: readonly ValueMap[]): string {
  return emitDocuments(resources);
}
