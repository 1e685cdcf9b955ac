import type { Accumulator } from "./accumulator.ts";
import { prefixed } from "./build-error.ts";
import { generateConfigMap, generateSecret } from "./generators.ts";
import type { Layer } from "./layer.ts";
import { generateFromPlugins } from "./plugins.ts";
import type { Resource } from "./resource.ts";

/** ConfigMap and Secret generators, then those of `generators`. */
export function runGenerators(layer: Layer, into: Accumulator): void {
  const { kustomization, loader, context } = layer;
  const global = kustomization.generatorOptions;
  const absorb = (kind: string, make: () => Resource): void => {
    const resource = make();
    resource.origin = context.origin.configured({ apiVersion: "builtin", kind });
    try {
      into.map.absorb([resource]);
    } catch (error) {
      throw prefixed("merging from generator", error);
    }
  };
  for (const args of kustomization.configMapGenerator ?? []) {
    absorb("ConfigMapGenerator", () => generateConfigMap(loader, args, global));
  }
  for (const args of kustomization.secretGenerator ?? []) {
    absorb("SecretGenerator", () => generateSecret(loader, args, global));
  }
  generateFromPlugins(layer, into);
}
