import type { Accumulator } from "./accumulator.ts";
import { generatePlugin, isGeneratorKind } from "./builtin-generators.ts";
import { transformPlugin } from "./builtin-transformers.ts";
import { formatGvk } from "./gvk.ts";
import type { Layer } from "./layer.ts";
import type { Origin } from "./origin.ts";
import type { Resource } from "./resource.ts";
import { scalarText } from "./value.ts";

/** The group of plugins that are part of kustomize. */
const BUILTIN_API_VERSION = "builtin";

/** `generators`: configurations of built-in generators, from files, bases or inline. */
export function generateFromPlugins(layer: Layer, into: Accumulator): void {
  for (const config of layer.loadConfigurations(layer.kustomization.generators ?? [])) {
    demandBuiltin(config, "generators");
    if (!isGeneratorKind(config.kind)) throw unknownPlugin(config);
    const generated = generatePlugin(config, layer.loader);
    generated.origin = originOf(config);
    into.map.absorb([generated]);
  }
}

/** `transformers`: configurations of built-in transformers. */
export function transformWithPlugins(layer: Layer, into: Accumulator): void {
  for (const config of layer.loadConfigurations(layer.kustomization.transformers ?? [])) {
    demandBuiltin(config, "transformers");
    if (!transformPlugin(config, into.map, layer.loader, layer.context)) throw unknownPlugin(config);
    const origin = originOf(config);
    for (const resource of into.map.resources) resource.transformations.push(origin);
  }
}

function originOf(config: Resource): Origin {
  return {
    ...(config.origin?.path === undefined ? {} : { configuredIn: config.origin.path }),
    configuredBy: {
      apiVersion: scalarText(config.value.apiVersion),
      kind: config.kind,
      name: config.name,
      namespace: config.namespace,
    },
  };
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
