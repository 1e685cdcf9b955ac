import type { Accumulator } from "./accumulator.ts";
import { generatePlugin, isGeneratorKind } from "./builtin-generators.ts";
import { transformPlugin } from "./builtin-transformers.ts";
import { formatGvk, formatId } from "./gvk.ts";
import type { Layer } from "./layer.ts";
import type { Origin } from "./origin.ts";
import type { Resource } from "./resource.ts";
import { ResourceMap } from "./resource-map.ts";
import { scalarText, valuesEqual } from "./value.ts";

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

/**
 * `validators`: kustomize has none of its own, but every built-in transformer serves as one: it runs on a copy, may
 * fail (a `test` in a JSON patch), and may not change anything.
 */
export function validateWithPlugins(layer: Layer, into: Accumulator): void {
  for (const config of layer.loadConfigurations(layer.kustomization.validators ?? [])) {
    demandBuiltin(config, "validators");
    if (isGeneratorKind(config.kind)) throw new Error(`plugin ${formatId(config.id)} not a transformer`);
    const copy = new ResourceMap(into.map.resources.map((resource) => resource.clone()));
    if (!transformPlugin(config, copy, layer.loader, layer.context)) throw unknownPlugin(config);
    for (const [index, resource] of into.map.resources.entries()) {
      const after = copy.resources[index];
      if (after !== undefined && valuesEqual(resource.value, after.value)) continue;
      throw new Error(
        `field 'validators': validator shouldn't modify the resource map: ${config.kind} '${config.name}' changes ${formatId(resource.id)}`,
      );
    }
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
