import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { examplesDirectory } from "../core/examples.ts";

/** A model of the `models` repository, as the pipeline's parameters name it. */
export interface DemoModel {
  /** Directory of the model's files, name of its app, namespace and image. */
  name: string;
  /** Where that directory stands in the repository; "" is its root. */
  relativePath: string;
  /** Directory below the model's that becomes MODEL_DIR. */
  modelDir: string;
  containerfile: string;
  /** Path of the inference endpoint at the model's Route. */
  endpoint: string;
}

export const DEMO_MODELS: readonly DemoModel[] = ["bike-rentals", "digit-reader"].map((name) => ({
  name,
  relativePath: "",
  modelDir: ".",
  containerfile: "containerfiles/Containerfile",
  endpoint: `v2/models/${name}/infer`,
}));

/** The model that is retrained in hop 10. */
export const UPDATED_MODEL: DemoModel =
  DEMO_MODELS.find(({ name }) => name === "bike-rentals") ?? missing("bike-rentals");

/** A request and the answer that the model is known for, as JSON texts. */
export interface GoldenRequest {
  request: string;
  answer: string;
}

/** The golden request of a model's version, from the examples. */
export async function readGolden(model: DemoModel, version: string): Promise<GoldenRequest> {
  const directory = version === "1" ? join(examplesDirectory(), "models", model.name) : updateDirectory();
  const [request, answer] = await Promise.all(
    ["data.json", "output.json"].map((file) => readFile(join(directory, "golden", file), "utf8")),
  );
  return { request: request ?? "", answer: answer ?? "" };
}

/** The files of version 2 of the updated model. */
export function updateDirectory(): string {
  return join(examplesDirectory(), "updates", `${UPDATED_MODEL.name}-v2`);
}

function missing(name: string): never {
  throw new Error(`the examples have no model ${name}`);
}
