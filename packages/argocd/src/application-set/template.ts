import { type Application, type ApplicationSet, Application as ApplicationType } from "@ai-edge/api";
import { apiVersionOf, controllerReference, isJsonObject, type JsonObject } from "@ai-edge/apimachinery";
import { GeneratorError } from "./generator-error.ts";

/** Values for the tags of a template: `{{name}}`. */
export type TemplateParameters = Readonly<Record<string, string>>;

const TAG = /\{\{([^{}]*)\}\}/g;
/** Set on generated Applications unless their resources are to survive them (`preserveResourcesOnDeletion`). */
const RESOURCES_FINALIZER = "resources-finalizer.argocd.argoproj.io";

/** Replaces `{{ tag }}` by its value; an unknown tag stays as it is (valyala/fasttemplate, as Argo CD uses it). */
export function fillTags(text: string, parameters: TemplateParameters): string {
  return text.replaceAll(TAG, (whole, tag: string) => {
    const name = tag.trim();
    return Object.hasOwn(parameters, name) ? (parameters[name] ?? whole) : whole;
  });
}

/** Replaces the tags in all texts of a value, keys of maps included. */
function fillTemplate(value: unknown, parameters: TemplateParameters): unknown {
  if (typeof value === "string") return fillTags(value, parameters);
  if (Array.isArray(value)) return value.map((item) => fillTemplate(item, parameters));
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, field] of Object.entries(value))
    result[fillTags(key, parameters)] = fillTemplate(field, parameters);
  return result;
}

/** The Application of one set of parameters. @throws GeneratorError when the template yields none */
export function renderApplication(set: ApplicationSet, parameters: TemplateParameters): Application {
  const template = fillTemplate(set.spec.template, parameters);
  const metadata = isJsonObject(template) && isJsonObject(template["metadata"]) ? template["metadata"] : {};
  const { name, labels, annotations, finalizers } = metadata;
  if (typeof name !== "string" || name === "" || TAG_LEFT.test(name)) {
    throw new GeneratorError(`template.metadata.name: ${JSON.stringify(name)} is no name for an Application`);
  }
  const preserves = set.spec.syncPolicy?.preserveResourcesOnDeletion === true;
  const application = {
    apiVersion: apiVersionOf(ApplicationType),
    kind: ApplicationType.kind,
    metadata: {
      name,
      namespace: set.metadata.namespace,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(Array.isArray(finalizers)
        ? { finalizers }
        : preserves
          ? {}
          : { finalizers: [RESOURCES_FINALIZER] }),
      ownerReferences: [controllerReference(set)],
    },
    spec: isJsonObject(template) ? template["spec"] : undefined,
  };
  if (!isApplication(application))
    throw new GeneratorError("template.spec: destination and project are required");
  return application;
}

const TAG_LEFT = /\{\{/;

function isApplication(value: object): value is Application {
  const spec = "spec" in value ? value.spec : undefined;
  return isJsonObject(spec) && isJsonObject(spec["destination"]) && typeof spec["project"] === "string";
}
