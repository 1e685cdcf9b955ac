import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of its own for one test. */
export interface TemporaryDirectory {
  path: string;
  /** Removes it with everything in it. */
  remove(): Promise<void>;
}

/** Makes an empty directory under the system's temporary directory. */
export async function temporaryDirectory(prefix: string = "ai-edge-"): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
