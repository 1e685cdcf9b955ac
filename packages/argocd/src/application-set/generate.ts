import type { Application, ApplicationSet, ApplicationSetGenerator, Secret } from "@ai-edge/api";
import { isJsonObject } from "@ai-edge/apimachinery";
import type { DecisionSource } from "./decision-generator.ts";
import { GeneratorError } from "./generator-error.ts";
import { renderApplication, type TemplateParameters } from "./template.ts";

export interface Generated {
  /** What shall be there. */
  applications: Application[];
  /** Names that may stay but are neither made nor changed: their cluster is not registered (any more). */
  held: string[];
}

/** The Applications that an ApplicationSet stands for. @throws GeneratorError when that cannot be said */
export async function generateApplications(
  set: ApplicationSet,
  source: DecisionSource,
  secrets: readonly Secret[],
): Promise<Generated> {
  refuseUnsupported(set);
  const applications = new Map<string, Application>();
  const held: string[] = [];
  for (const generator of set.spec.generators) {
    for (const { parameters, isUnregistered } of await parametersOf(set, generator, source, secrets)) {
      const application = renderApplication(set, parameters);
      const { name } = application.metadata;
      if (isUnregistered) held.push(name);
      else if (applications.has(name))
        throw new GeneratorError(`the template yields two Applications named ${name}`);
      else applications.set(name, application);
    }
  }
  return { applications: [...applications.values()], held };
}

async function parametersOf(
  set: ApplicationSet,
  generator: ApplicationSetGenerator,
  source: DecisionSource,
  secrets: readonly Secret[],
): Promise<{ parameters: TemplateParameters; isUnregistered: boolean }[]> {
  if (generator.clusterDecisionResource !== undefined)
    return source.parameters(set, generator.clusterDecisionResource, secrets);
  if (generator.list !== undefined) {
    return (generator.list.elements ?? []).map((element) => ({
      parameters: flatten(element),
      isUnregistered: false,
    }));
  }
  const kinds = Object.keys(generator).join(", ") || "none";
  throw new GeneratorError(`generator ${kinds} is not supported; use clusterDecisionResource or list`);
}

/** Nested fields get dotted names: `values.zone`. */
function flatten(element: Record<string, unknown>, prefix = ""): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const [key, value] of Object.entries(element)) {
    if (isJsonObject(value)) Object.assign(parameters, flatten(value, `${prefix}${key}.`));
    else parameters[prefix + key] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return parameters;
}

function refuseUnsupported(set: ApplicationSet): void {
  const { goTemplate, templatePatch, strategy } = set.spec;
  if (goTemplate === true)
    throw new GeneratorError("spec.goTemplate: Go templates are not supported; use {{name}} parameters");
  if (templatePatch !== undefined && templatePatch !== "")
    throw new GeneratorError("spec.templatePatch is not supported");
  if (strategy !== undefined && strategy["type"] !== undefined && strategy["type"] !== "AllAtOnce") {
    throw new GeneratorError(
      `spec.strategy.type ${JSON.stringify(strategy["type"])} is not supported; leave it out to update all at once`,
    );
  }
}
