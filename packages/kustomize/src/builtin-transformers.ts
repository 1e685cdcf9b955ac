import type { BuildContext } from "./build-context.ts";
import type { FieldSpec } from "./field-spec.ts";
import { appendHashes } from "./content-hash.ts";
import { setImages } from "./images.ts";
import {
  fieldSpecFields,
  imageShape,
  replacementEntryShape,
  replicaShape,
  selectorShape,
} from "./kustomization.ts";
import { setPairs } from "./labels-and-annotations.ts";
import { sortResources } from "./legacy-order.ts";
import type { Loader } from "./loader.ts";
import { affixNames, setNamespaces } from "./names-and-namespace.ts";
import { applyJsonPatchToOne, applyPatch, applyStrategicPatches } from "./patches.ts";
import { applyReplacement, loadReplacements } from "./replacements.ts";
import { setReplicas } from "./replicas.ts";
import type { ResourceMap } from "./resource-map.ts";
import { parseResources } from "./resource-parser.ts";
import type { Resource } from "./resource.ts";
import type { Decoded, Shape } from "./shape.ts";
import { flag, list, mapOf, object, text } from "./shape.ts";
import { toFieldSpec } from "./transformer-config.ts";
import type { ValueMap } from "./value.ts";
import { getIn, scalarText } from "./value.ts";

/** Configurations of plugins are read less strictly than kustomizations: what is unknown is ignored. */
const lenientFieldSpec = object(fieldSpecFields, "", { ignoreUnknown: true });
const fieldSpecs = list(lenientFieldSpec);

function plugin<F extends Readonly<Record<string, Shape<unknown>>>>(fields: F): Shape<Decoded<F>> {
  return object(fields, "", { ignoreUnknown: true });
}

const shapes = {
  namespace: plugin({ fieldSpecs, unsetOnly: flag, setRoleBindingSubjects: text }),
  prefixSuffix: plugin({ prefix: text, suffix: text, fieldSpecs }),
  labels: plugin({ labels: mapOf(text), fieldSpecs }),
  annotations: plugin({ annotations: mapOf(text), fieldSpecs }),
  images: plugin({ imageTag: imageShape, fieldSpecs }),
  replicas: plugin({ replica: replicaShape, fieldSpecs }),
  patch: plugin({ path: text, patch: text, target: selectorShape, options: mapOf(flag) }),
  json: plugin({ target: selectorShape, path: text, jsonOp: text }),
  strategic: plugin({ paths: list(text), patches: text }),
  replacements: plugin({ replacements: list(replacementEntryShape) }),
};

function specsOf(given: Parameters<typeof toFieldSpec>[0][] | undefined): FieldSpec[] {
  return (given ?? []).map(toFieldSpec);
}

/** Runs a built-in transformer configured by an object. @returns false for a kind that does not exist */
export function transformPlugin(
  config: Resource,
  map: ResourceMap,
  loader: Loader,
  context: BuildContext,
): boolean {
  const { value } = config;
  switch (config.kind) {
    case "NamespaceTransformer":
      setNamespace(value, map);
      return true;
    case "PrefixTransformer":
    case "SuffixTransformer":
    case "PrefixSuffixTransformer": {
      const args = shapes.prefixSuffix.decode(value, "");
      affixNames(map, { prefix: args.prefix ?? "" }, specsOf(args.fieldSpecs));
      affixNames(map, { suffix: args.suffix ?? "" }, specsOf(args.fieldSpecs));
      return true;
    }
    case "LabelTransformer": {
      const args = shapes.labels.decode(value, "");
      setPairs(map, args.labels ?? {}, specsOf(args.fieldSpecs));
      return true;
    }
    case "AnnotationsTransformer": {
      const args = shapes.annotations.decode(value, "");
      setPairs(map, args.annotations ?? {}, specsOf(args.fieldSpecs));
      return true;
    }
    case "ImageTagTransformer": {
      const args = shapes.images.decode(value, "");
      setImages(map, args.imageTag ?? {}, specsOf(args.fieldSpecs));
      return true;
    }
    case "ReplicaCountTransformer": {
      const args = shapes.replicas.decode(value, "");
      setReplicas(map, args.replica ?? {}, specsOf(args.fieldSpecs));
      return true;
    }
    default:
      return transformByPatch(config, map, loader, context);
  }
}

function setNamespace(value: ValueMap, map: ResourceMap): void {
  const args = shapes.namespace.decode(value, "");
  const mode = args.setRoleBindingSubjects || "defaultOnly";
  if (mode !== "defaultOnly" && mode !== "allServiceAccounts" && mode !== "none") {
    throw new Error(
      `invalid value ${JSON.stringify(mode)} for setRoleBindingSubjects: must be one of "defaultOnly", "allServiceAccounts", "none"`,
    );
  }
  setNamespaces(
    map,
    {
      namespace: scalarText(getIn(value.metadata, "namespace")),
      unsetOnly: args.unsetOnly ?? false,
      setRoleBindingSubjects: mode,
    },
    specsOf(args.fieldSpecs),
  );
}

function transformByPatch(
  config: Resource,
  map: ResourceMap,
  loader: Loader,
  context: BuildContext,
): boolean {
  const { value } = config;
  switch (config.kind) {
    case "PatchTransformer": {
      const { path, patch, target, options } = shapes.patch.decode(value, "");
      const args = {
        ...(path ? { path } : {}),
        ...(patch ? { patch } : {}),
        ...(target ? { target } : {}),
        ...(options ? { options } : {}),
      };
      applyPatch(map, args, loader, context);
      return true;
    }
    case "PatchJson6902Transformer": {
      const args = shapes.json.decode(value, "");
      applyJsonPatchToOne(
        map,
        { ...(args.target ? { target: args.target } : {}), path: args.path ?? "", patch: args.jsonOp ?? "" },
        loader,
      );
      return true;
    }
    case "PatchStrategicMergeTransformer": {
      const args = shapes.strategic.decode(value, "");
      const texts = [...(args.paths ?? []).map((path) => loader.readText(path)), args.patches ?? ""];
      applyStrategicPatches(
        map,
        texts.flatMap((patches) => parseResources(patches)),
        context,
      );
      return true;
    }
    case "ReplacementTransformer": {
      const args = shapes.replacements.decode(value, "");
      for (const replacement of loadReplacements(args.replacements ?? [], loader))
        applyReplacement(map, replacement);
      return true;
    }
    case "HashTransformer":
      appendHashes(map);
      return true;
    case "LegacyOrderTransformer":
      sortResources(map, { order: "legacy" });
      return true;
    default:
      return false;
  }
}
