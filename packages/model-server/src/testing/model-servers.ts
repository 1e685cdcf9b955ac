import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Log } from "../log.ts";
import { startModelServer, type ModelServer } from "../server.ts";

/** The models that the repository ships. */
export const EXAMPLES = fileURLToPath(new URL("../../../../examples/models/", import.meta.url));
const silent: Log = { info: () => undefined, error: () => undefined };

/** The model servers and directories of a test file. */
export class ModelServers {
  readonly #open: ModelServer[] = [];
  readonly #directories: string[] = [];

  async start(modelDir: string, modelName: string): Promise<ModelServer> {
    const options = { modelDir, modelName, host: "127.0.0.1", httpPort: 0, metricsPort: 0, logger: silent };
    const server = await startModelServer(options);
    this.#open.push(server);
    return server;
  }

  async temporary(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), "model-server-"));
    this.#directories.push(directory);
    return directory;
  }

  /** A directory with the files of a shipped model. */
  async copyOf(model: string): Promise<string> {
    const directory = await this.temporary();
    await cp(join(EXAMPLES, model), directory, { recursive: true });
    return directory;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((server) => server.close()));
    await Promise.all(this.#directories.map((directory) => rm(directory, { recursive: true })));
  }
}

export interface Called {
  status: number;
  text: string;
  json: Record<string, unknown>;
}

/** GET, or POST of a body; text goes as it is. */
export async function call(url: string, body?: unknown): Promise<Called> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, body === undefined ? {} : { method: "POST", body: text });
  const answer = await response.text();
  return {
    status: response.status,
    text: answer,
    json: answer.startsWith("{") ? JSON.parse(answer) : {},
  };
}
