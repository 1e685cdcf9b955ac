import { generateConfigMap, generateSecret } from "./generators.ts";
import { generateFromPlugin } from "./plugins.ts";
import type { Accumulator } from "./accumulator.ts";
import type { Layer } from "./layer.ts";
import { prefixed } from "./build-error.ts";

/** ConfigMap and Secret generators, then those of `generators`. */
export function runGenerators(target: Layer, into: Accumulator): void {
  const { kustomization, loader, context } = target;
  const global = kustomization.generatorOptions;
  const absorb = (make: () => ReturnType<typeof generateConfigMap>): void => {
    try {
      const resource = make();
      resource.origin = context.origin.configured("ConfigMapGenerator", loader.root);
      into.map.absorb([resource]);
    } catch (error) {
      throw prefixed("merging from generator", error);
    }
  };
  for (const args of kustomization.configMapGenerator ?? [])
    absorb(() => generateConfigMap(loader, args, global));
  for (const args of kustomization.secretGenerator ?? []) {
    absorb(() => generateSecret(loader, args, global));
  }
  generateFromPlugin(target, into);
}
