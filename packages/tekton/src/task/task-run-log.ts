import { createReadStream } from "node:fs";
import { appendFile, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import type { ObjectKey } from "@ai-edge/apimachinery";

/** Of one TaskRun; a step that logs more than this loops. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;

/** The file with the log of a TaskRun's native execution. */
function logFile(dataDir: string, key: ObjectKey): string {
  return join(
    dataDir,
    "logs",
    encodeURIComponent(key.namespace ?? ""),
    `${encodeURIComponent(key.name)}.log`,
  );
}

/**
 * Reads the log of a TaskRun that was executed natively.
 * @param dataDir the same as given to `addTektonControllers`
 * @returns UTF-8 text; the stream fails with ENOENT when there is none
 */
export function taskRunLogs(dataDir: string, key: ObjectKey): Readable {
  return createReadStream(logFile(dataDir, key));
}

/** Removes the log of a TaskRun. */
export async function removeTaskRunLog(dataDir: string, key: ObjectKey): Promise<void> {
  await rm(logFile(dataDir, key), { force: true });
}

/** Appends to the log of one TaskRun, in order, without making the executor wait. */
export class TaskRunLog {
  readonly #file: string;
  #tail: Promise<unknown>;
  #size = 0;

  constructor(dataDir: string, key: ObjectKey) {
    this.#file = logFile(dataDir, key);
    this.#tail = mkdir(dirname(this.#file), { recursive: true });
  }

  /** Adds a line; a line break is added. Over the bound nothing more is written. */
  line(text: string): void {
    const line = `${text}\n`;
    this.#size += Buffer.byteLength(line);
    if (this.#size > MAX_LOG_BYTES) return;
    this.#tail = this.#tail.then(() => appendFile(this.#file, line));
  }

  /** Resolves when everything is written. A full disk must not fail the task: its log is cut. */
  async flush(): Promise<void> {
    await this.#tail.catch(() => undefined);
  }
}
