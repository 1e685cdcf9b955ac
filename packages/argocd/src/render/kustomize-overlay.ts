import type { ApplicationSourceKustomize } from "@ai-edge/api";

/** Fields that only say how to render; they need no overlay. */
const NEUTRAL = new Set(["version", "kubeVersion", "apiVersions"]);

export interface Overlay {
  /** Undefined: nothing to lay over. */
  kustomization: Record<string, unknown> | undefined;
  warnings: string[];
}

/**
 * `source.kustomize` as a kustomization on top of the one in Git, where Argo CD edits a copy of the file.
 * @param base path of the directory in Git, relative to the overlay
 */
export function kustomizeOverlay(base: string, options: ApplicationSourceKustomize | undefined): Overlay {
  const fields: Record<string, unknown> = {};
  const warnings: string[] = [];
  for (const [field, value] of Object.entries(options ?? {})) {
    if (value === undefined || NEUTRAL.has(field)) continue;
    const translate = TRANSLATIONS[field];
    if (translate === undefined) warnings.push(`source.kustomize.${field} is not supported and was ignored`);
    else Object.assign(fields, translate(value, options ?? {}));
  }
  if (Object.keys(fields).length === 0) return { kustomization: undefined, warnings };
  return {
    kustomization: {
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      resources: [base],
      ...fields,
    },
    warnings,
  };
}

type Translate = (value: unknown, options: ApplicationSourceKustomize) => Record<string, unknown>;

const same =
  (field: string): Translate =>
  (value) => ({ [field]: value });

const TRANSLATIONS: Readonly<Record<string, Translate>> = {
  namePrefix: same("namePrefix"),
  nameSuffix: same("nameSuffix"),
  namespace: same("namespace"),
  patches: same("patches"),
  commonAnnotations: same("commonAnnotations"),
  forceCommonAnnotations: () => ({}),
  forceCommonLabels: () => ({}),
  labelWithoutSelector: () => ({}),
  labelIncludeTemplates: () => ({}),
  images: (value) => ({ images: asList(value).map((image) => parseImageOverride(String(image))) }),
  replicas: (value) => ({ replicas: asList(value) }),
  commonLabels: (pairs, { labelWithoutSelector, labelIncludeTemplates }) =>
    labelWithoutSelector === true
      ? { labels: [{ pairs, includeSelectors: false, includeTemplates: labelIncludeTemplates === true }] }
      : { commonLabels: pairs },
};

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export interface ImageOverride {
  name: string;
  newName?: string;
  newTag?: string;
  digest?: string;
}

/** The grammar of `kustomize edit set image`: `name=new:tag@digest`, any part of the right side optional. */
export function parseImageOverride(text: string): ImageOverride {
  const equals = text.indexOf("=");
  const replacement = equals < 0 ? text : text.slice(equals + 1);
  const at = replacement.indexOf("@");
  const digest = at < 0 ? undefined : replacement.slice(at + 1);
  const tagged = at < 0 ? replacement : replacement.slice(0, at);
  // A colon before the last slash belongs to a port.
  const colon = tagged.indexOf(":", tagged.lastIndexOf("/") + 1);
  const image = colon < 0 ? tagged : tagged.slice(0, colon);
  const newTag = colon < 0 ? undefined : tagged.slice(colon + 1);
  const name = equals < 0 ? image : text.slice(0, equals);
  return {
    name,
    ...(equals < 0 || image === "" ? {} : { newName: image }),
    ...(newTag === undefined ? {} : { newTag }),
    ...(digest === undefined ? {} : { digest }),
  };
}
