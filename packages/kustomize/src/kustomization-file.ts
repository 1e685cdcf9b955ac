import type { Kustomization } from "./kustomization.ts";
import { deprecationWarnings, kustomizationShape, normaliseKustomization } from "./kustomization.ts";
import type { Loader } from "./loader.ts";
import { ShapeError } from "./shape.ts";
import { parseYamlDocuments } from "./yaml-parse.ts";

const FILE_NAMES = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/** Reads, checks and normalises the kustomization file of a directory. */
export function readKustomization(loader: Loader, warn: (message: string) => void): Kustomization {
  const found = FILE_NAMES.filter((name) => loader.hasFile(name));
  const [name] = found;
  if (name === undefined) {
    throw new Error(
      `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '${loader.root}'`,
    );
  }
  if (found.length > 1) throw new Error(`Found multiple kustomization files under: ${loader.root}\n`);
  const text = loader.readText(name);
  if (text.trim() === "") throw new Error(`${name} is empty`);
  const kustomization = decode(text);
  for (const warning of deprecationWarnings(kustomization)) warn(warning);
  refuse(kustomization, loader.root);
  try {
    return normaliseKustomization(kustomization);
  } catch (error) {
    throw new Error(
      `Failed to read kustomization file under ${loader.root}:\n${error instanceof Error ? error.message : ""}`,
      {
        cause: error,
      },
    );
  }
}

function decode(text: string): Kustomization {
  try {
    const documents = parseYamlDocuments(text, { allowDuplicateKeys: true, booleans11: true });
    if (documents.length > 1) throw new ShapeError("a kustomization file has one document");
    return kustomizationShape.decode(documents[0] ?? null, "");
  } catch (error) {
    throw new Error(`invalid Kustomization: ${error instanceof Error ? error.message : ""}`, {
      cause: error,
    });
  }
}

const HELM_FIELDS = ["helmCharts", "helmChartInflationGenerator"] as const;

function refuse(kustomization: Kustomization, root: string): void {
  for (const field of HELM_FIELDS) {
    if ((kustomization[field] ?? []).length > 0) {
      throw new Error(
        `field '${field}' of the kustomization in '${root}' is not supported: Helm charts are not rendered; ` +
          "commit the output of `helm template` and list it in 'resources'",
      );
    }
  }
}
