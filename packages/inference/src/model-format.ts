/** Which format a model directory holds, judged by names and first bytes only: nothing is loaded or executed. */
import { isPickle, pickleFlavour } from "./pickle.ts";

/** One file of a model directory. */
export interface ModelFile {
  /** Relative to the model directory, with `/`. */
  path: string;
  /** Bytes. */
  size: number;
  /** The first {@link MODEL_HEAD_BYTES} bytes, or all of a smaller file. */
  head: Uint8Array;
}

/** Enough for an MLmodel, for the first keys of a model file and for the class names at a pickle's start. */
export const MODEL_HEAD_BYTES = 65_536;

export type ModelFormat =
  | "onnx"
  | "xgboost-json"
  | "xgboost-ubj"
  | "lightgbm-text"
  | "tensorflow-savedmodel"
  | "openvino-ir"
  | "mlflow"
  | "pickle"
  | "unknown";

export interface DetectedModel {
  format: ModelFormat;
  /** The model file relative to the directory given; a directory for a SavedModel; "" when nothing fits. */
  path: string;
  /** The version directory (`1`, `2`, …) it was found in, if the layout has them. */
  version?: string;
  /** The library that wrote a pickle, or the flavors of an MLmodel. */
  flavour?: string;
  /** Whether our model server loads it. */
  servable: boolean;
  /** One sentence for the user when it is not servable: what it is and the way out. */
  advice?: string;
}

/** What our model server loads today. */
const SERVABLE: ReadonlySet<ModelFormat> = new Set<ModelFormat>([
  "onnx",
  "xgboost-json",
  "xgboost-ubj",
  "lightgbm-text",
]);
const KNOWN = "known are ONNX (*.onnx), XGBoost (*.json, *.ubj) and LightGBM text (*.txt, *.bst)";

const ADVICE: Partial<Record<ModelFormat, string>> = {
  "tensorflow-savedmodel":
    "this is a TensorFlow SavedModel; convert it to ONNX: python -m tf2onnx.convert --saved-model DIR --output model.onnx",
  "openvino-ir": "this is an OpenVINO IR model; package the ONNX model that it was converted from",
};

/** Folders that travel with a model but are not the model. */
const COMPANION_FOLDERS = new Set(["golden", "test-data", "src", "docs"]);
const VERSION_FOLDER = /^[1-9]\d*$/;

const text = (head: Uint8Array): string => Buffer.from(head).toString("latin1");

/** ONNX is a ModelProto: field 1 (ir_version, a small varint) comes first in what every exporter writes. */
function looksLikeOnnx(file: ModelFile): boolean {
  return /\.onnx$/i.test(file.path) && file.head[0] === 0x08;
}

function looksLikeXgboostJson(file: ModelFile): boolean {
  if (!/^\s*\{/.test(text(file.head.subarray(0, 256)))) return false;
  return (
    /^\s*\{\s*"(learner|version)"/.test(text(file.head)) &&
    /"(learner|gradient_booster)"/.test(text(file.head))
  );
}

/** UBJSON as XGBoost writes it: `{`, then a length mark `L`/`l`/`i`… and the key `learner`. */
function looksLikeXgboostUbj(file: ModelFile): boolean {
  return (
    file.head[0] === 0x7b && /^\{[LlIiU][^"]{1,8}(learner|version)/s.test(text(file.head.subarray(0, 64)))
  );
}

function formatOf(file: ModelFile): ModelFormat {
  if (looksLikeOnnx(file)) return "onnx";
  if (looksLikeXgboostJson(file)) return "xgboost-json";
  if (looksLikeXgboostUbj(file)) return "xgboost-ubj";
  if (/^tree\r?\nversion=v\d/.test(text(file.head.subarray(0, 64)))) return "lightgbm-text";
  if (/(^|\/)saved_model\.pb$/.test(file.path)) return "tensorflow-savedmodel";
  if (/\.xml$/i.test(file.path) && /<net[\s>]/.test(text(file.head))) return "openvino-ir";
  if (isPickle(file.path, file.head)) return "pickle";
  return "unknown";
}

/** Drops companion folders and hidden files, and keeps of several version folders the highest, as OVMS does. */
function relevantFiles(files: readonly ModelFile[]): { files: ModelFile[]; version?: string } {
  const parts = (file: ModelFile): string[] => file.path.split("/");
  const visible = files.filter((file) => !parts(file).some((part) => part.startsWith(".")));
  const versions = visible
    .filter((file) => parts(file).length > 1)
    .map((file) => parts(file)[0] ?? "")
    .filter((folder) => VERSION_FOLDER.test(folder));
  const version = versions.toSorted((a, b) => Number(a) - Number(b)).at(-1);
  const chosen = version === undefined ? visible : visible.filter((file) => parts(file)[0] === version);
  const depth = version === undefined ? 0 : 1;
  return {
    files: chosen.filter((file) => {
      const [folder, ...rest] = parts(file).slice(depth);
      return rest.length === 0 || !COMPANION_FOLDERS.has(folder ?? "");
    }),
    ...(version === undefined ? {} : { version }),
  };
}

function notServable(candidate: ModelFile, format: ModelFormat, mlmodel: string): Partial<DetectedModel> {
  if (format !== "pickle") return { advice: `${candidate.path}: ${ADVICE[format] ?? "not a known format"}` };
  const { name, wayOut } = pickleFlavour(candidate.path, candidate.head, mlmodel);
  return {
    flavour: name,
    advice: `${candidate.path} is a Python pickle (${name}), which runs code when loaded and is never loaded here; ${wayOut}`,
  };
}

function nothingFound(files: readonly ModelFile[], mlmodel: ModelFile | undefined): DetectedModel {
  const names = files.map((file) => file.path).slice(0, 5);
  if (mlmodel === undefined) {
    const seen =
      names.length === 0 ? "the directory has no files" : `none of ${names.join(", ")} is a known model`;
    return { format: "unknown", path: "", servable: false, advice: `${seen}; ${KNOWN}` };
  }
  const flavours = [...text(mlmodel.head).matchAll(/^ {2}(\w+):\s*$/gm)].map((match) => match[1] ?? "");
  const flavour = flavours.filter((name) => name !== "python_function").join(", ");
  return {
    format: "mlflow",
    path: mlmodel.path,
    ...(flavour === "" ? {} : { flavour }),
    servable: false,
    advice: `${mlmodel.path} describes an MLflow model${flavour === "" ? "" : ` (${flavour})`} whose model file is missing or not of a known format; ${KNOWN}`,
  };
}

/**
 * Recognises the model in a directory.
 *
 * @param files every file below the directory (companions may be included: they are skipped)
 * @returns what was found, with `advice` for the user unless it is servable; several servable files without an order
 *   between them count as unknown, because serving the wrong one silently is worse
 */
export function detectModelFormat(files: readonly ModelFile[]): DetectedModel {
  const { files: relevant, version } = relevantFiles(files);
  const mlmodel = relevant.find((file) => /(^|\/)MLmodel$/.test(file.path));
  const candidates = relevant
    .map((file) => ({ file, format: formatOf(file) }))
    .filter(({ format }) => format !== "unknown");
  const servable = candidates.filter(({ format }) => SERVABLE.has(format));
  const place = version === undefined ? {} : { version };
  if (servable.length > 1) {
    const names = servable.map(({ file }) => file.path).join(", ");
    const advice = `several model files (${names}); keep one per model directory, or numbered version folders`;
    return { format: "unknown", path: "", ...place, servable: false, advice };
  }
  const chosen = servable[0] ?? candidates.find(({ format }) => format !== "pickle") ?? candidates[0];
  if (chosen === undefined) return { ...nothingFound(relevant, mlmodel), ...place };
  const { file, format } = chosen;
  const path = format === "tensorflow-savedmodel" ? file.path.replace(/\/?saved_model\.pb$/, "") : file.path;
  if (SERVABLE.has(format)) return { format, path, ...place, servable: true };
  return {
    format,
    path,
    ...place,
    servable: false,
    ...notServable(file, format, mlmodel === undefined ? "" : text(mlmodel.head)),
  };
}
