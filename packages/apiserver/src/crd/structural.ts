import type { CustomResourceDefinitionVersion } from "@ai-edge/api";
import type { UnstructuredObject } from "@ai-edge/apimachinery";
import type { ObjectSchema } from "../resources/resource.ts";
import { applyDefaults } from "./defaulting.ts";
import { prune } from "./pruning.ts";
import { validateValue } from "./validation.ts";

/** The schema of custom objects at one version. */
export function structuralSchema(version: CustomResourceDefinitionVersion): ObjectSchema {
  const root = version.schema?.openAPIV3Schema ?? { "x-kubernetes-preserve-unknown-fields": true };
  return {
    conform(object: UnstructuredObject): string[] {
      const unknown: string[] = [];
      prune(object, root, "", unknown, true);
      applyDefaults(object, root);
      return unknown;
    },
    validate: (object) => validateValue(object, root, ""),
    openApi: () => ({ ...root }),
  };
}
