/** Before a model gets traffic it has to answer: once at all, then its packaged golden requests as they say. */
import { allocate, compareAnswers, elementCount, type Tensor } from "@ai-edge/inference";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { infer, parseJson, predict, type ServedModel } from "./dialect.ts";

/** Folder beside the model with `data.json` and `output.json`: the file names of upstream's test-data ConfigMap. */
const GOLDEN_FOLDER = "golden";

/** Answers one inference of zeros, so that the first real request pays for no lazy work. */
export async function warmUp(served: ServedModel): Promise<void> {
  const zeros = served.model.inputs.map(({ name, datatype, shape }): Tensor => {
    const concrete = shape.map((size) => (size === -1 ? 1 : size));
    return { name, datatype, shape: concrete, data: allocate(datatype, elementCount(concrete)) };
  });
  await served.model.predict(zeros);
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** `{"inputs": [{"name": …, "datatype": …}]}` is Open Inference; everything else TensorFlow Serving's predict. */
function isInferRequest(body: unknown): boolean {
  const inputs: unknown =
    typeof body === "object" && body !== null && "inputs" in body ? body.inputs : undefined;
  const first: unknown = Array.isArray(inputs) ? inputs[0] : undefined;
  return typeof first === "object" && first !== null && "datatype" in first;
}

/**
 * Sends the packaged golden request and compares its answer.
 *
 * @returns the differences, empty when it passes; undefined when none is packaged
 * @throws ProtocolError when the golden request itself is refused
 */
export async function checkGolden(served: ServedModel): Promise<string[] | undefined> {
  const folder = join(served.directory, GOLDEN_FOLDER);
  const request = await readIfPresent(join(folder, "data.json"));
  const expected = await readIfPresent(join(folder, "output.json"));
  if (request === undefined || expected === undefined) return undefined;
  const body = parseJson(request);
  const answer = isInferRequest(body) ? (await infer(served, body)).text : await predict(served, body);
  return compareAnswers(parseJson(expected), parseJson(answer)).differences;
}
