/** Settings of the program from its arguments and environment; the names are OVMS's, MLServer's and upstream's. */
import { parseArgs } from "node:util";
import { basename, resolve } from "node:path";

export interface Settings {
  modelDir: string;
  modelName: string;
  /** True when nobody gave a name, so that the model's own settings may have a better one than the directory's. */
  nameIsGuess?: true;
  host: string;
  httpPort: number;
  metricsPort: number;
}

/** Wrong usage: the program prints the message and exits with 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const OPTIONS = {
  "model-dir": { type: "string" },
  "model-name": { type: "string" },
  host: { type: "string" },
  "http-port": { type: "string" },
  "metrics-port": { type: "string" },
  "grpc-port": { type: "string" },
  help: { type: "boolean" },
} as const;

export const USAGE = `Usage: model-server [--model-dir DIR] [--model-name NAME] [--host ADDRESS]
                    [--http-port 8080] [--metrics-port 8082] [--grpc-port 8081]

Serves one ONNX, XGBoost or LightGBM model over the Open Inference Protocol and TensorFlow Serving's REST API.
Environment: MODEL_DIR, MODEL_NAME, HOST, REST_PORT, METRICS_PORT (MLSERVER_MODEL_URI, MLSERVER_MODEL_NAME,
MLSERVER_HTTP_PORT, MLSERVER_METRICS_PORT are read too). Without a directory: models/NAME below the current one.
Without a name: that of MLServer's model-settings.json in the directory, or the directory's.

Example: model-server --model-dir ./models/bike-rentals --model-name bike-rentals
         curl http://127.0.0.1:8080/v2/models/bike-rentals
`;

const LAST_PORT = 65_535;

function portOf(text: string | undefined, fallback: number, what: string): number {
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > LAST_PORT) {
    throw new UsageError(`${what}: ${JSON.stringify(text)} is not a port (0 to ${LAST_PORT})`);
  }
  return port;
}

/**
 * @param args without the program's name
 * @returns undefined when help was asked for
 * @throws UsageError
 */
export function readSettings(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | undefined {
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help === true) return undefined;
  const givenName = values["model-name"] ?? env["MODEL_NAME"] ?? env["MLSERVER_MODEL_NAME"];
  const givenDir = values["model-dir"] ?? env["MODEL_DIR"] ?? env["MLSERVER_MODEL_URI"];
  if (!givenName && !givenDir) {
    throw new UsageError("no model: give --model-dir DIR, or --model-name NAME for models/NAME");
  }
  const modelDir = resolve(givenDir || `models/${givenName}`);
  return {
    modelDir,
    modelName: givenName || basename(modelDir),
    ...(givenName ? {} : { nameIsGuess: true }),
    host: values.host ?? env["HOST"] ?? "127.0.0.1",
    httpPort: portOf(
      values["http-port"] ?? env["REST_PORT"] ?? env["MLSERVER_HTTP_PORT"],
      8080,
      "--http-port",
    ),
    metricsPort: portOf(
      values["metrics-port"] ?? env["METRICS_PORT"] ?? env["MLSERVER_METRICS_PORT"],
      8082,
      "--metrics-port",
    ),
  };
}
