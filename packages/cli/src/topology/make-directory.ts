import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

import { explainSystemError, UserError } from "../user-error.ts";

/**
 * Makes a private directory and those above it. Not `mkdir`'s own `recursive`: that tries for ever where a file system says
 * ENOENT for a name that it does not take, as /proc does.
 * @throws UserError if it cannot be made, or is a file
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await make(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT")
      throw new UserError(`${path} cannot be made there: choose another directory with --data-dir`);
    throw explainSystemError(error, { path }) ?? error;
  }
}

async function make(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || (await isDirectory(parent))) throw error;
    await make(parent);
    await make(path);
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
