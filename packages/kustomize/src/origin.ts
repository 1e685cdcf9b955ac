/** What configures a generator or transformer. */
export interface ConfiguredBy {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name?: string;
  readonly namespace?: string;
}

/** Where a resource came from or what changed it (`buildMetadata: [originAnnotations, transformerAnnotations]`). */
export interface Origin {
  readonly repo?: string;
  readonly ref?: string;
  /** Path of the file, relative to the directory that is built or to the root of `repo`. */
  readonly path?: string;
  /** Path of the kustomization that configures the generator or transformer. */
  readonly configuredIn?: string;
  readonly configuredBy?: ConfiguredBy;
}

function originLines(origin: Origin): string[] {
  const lines: string[] = [];
  for (const field of ["repo", "ref", "path", "configuredIn"] as const) {
    const value = origin[field];
    if (value) lines.push(`${field}: ${value}`);
  }
  if (origin.configuredBy !== undefined) {
    lines.push("configuredBy:");
    for (const field of ["apiVersion", "kind", "name", "namespace"] as const) {
      const value = origin.configuredBy[field];
      if (value) lines.push(`  ${field}: ${value}`);
    }
  }
  return lines;
}

/** The text of the annotation `config.kubernetes.io/origin`. */
export function formatOrigin(origin: Origin): string {
  return `${originLines(origin).join("\n")}\n`;
}

/** The text of the annotation `alpha.config.kubernetes.io/transformations`. */
export function formatTransformations(transformations: readonly Origin[]): string {
  return transformations.map((origin) => `- ${originLines(origin).join("\n  ")}\n`).join("");
}
