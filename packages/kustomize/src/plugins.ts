import type { Accumulator } from "./accumulator.ts";
import type { Layer } from "./layer.ts";
import { generatePlugin, isGeneratorKind } from "./builtin-generators.ts";
import { transformPlugin } from "./builtin-transformers.ts";
import { formatGvk } from "./gvk.ts";
import type { Resource } from "./resource.ts";
import { scalarText } from "./value.ts";

/** The group of plugins that are part of kustomize. */
const BUILTIN_API_VERSION = "builtin";

/** `generators`: configurations of built-in generators, from files, bases or inline. */
export function generateFromPlugin(target: Layer, into: Accumulator): void {
  for (const config of target.loadConfigurations(target.kustomization.generators ?? [])) {
    demandBuiltin(config, "generators");
    if (!isGeneratorKind(config.kind)) throw unknownPlugin(config);
    const generated = generatePlugin(config, target.loader);
    generated.origin = target.context.origin.configured(config.kind, target.loader.root);
    into.map.absorb([generated]);
  }
}

/** `transformers`: configurations of built-in transformers. */
export function transformWithPlugins(target: Layer, into: Accumulator): void {
  for (const config of target.loadConfigurations(target.kustomization.transformers ?? [])) {
    demandBuiltin(config, "transformers");
    if (!transformPlugin(config, into.map, target.loader, target.context)) throw unknownPlugin(config);
  }
}

function unknownPlugin(config: Resource): Error {
  return new Error(`unable to load builtin ${formatGvk(config.gvk)}`);
}

/** @throws Error for plugins that would run a program or a container */
function demandBuiltin(config: Resource, field: string): void {
  const apiVersion = scalarText(config.value.apiVersion);
  if (apiVersion === BUILTIN_API_VERSION) return;
  throw new Error(
    `field '${field}': ${apiVersion} ${config.kind} '${config.name}' is an external plugin; programs and containers are ` +
      "not run, only built-in plugins (apiVersion: builtin) are. Render it beforehand and list the result in 'resources'",
  );
}
