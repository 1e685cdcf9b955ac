import type { BuildContext } from "./build-context.ts";
import type { Kustomization } from "./kustomization.ts";
import type { Loader } from "./loader.ts";
import type { Resource } from "./resource.ts";

/** One kustomization of the tree, as generators and transformers see it. */
export interface Layer {
  readonly loader: Loader;
  readonly kustomization: Kustomization;
  readonly context: BuildContext;
  /** The configurations that `generators` and `transformers` name: files, bases, or inline YAML. */
  loadConfigurations(entries: readonly string[]): readonly Resource[];
}
