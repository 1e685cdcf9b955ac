import { CommanderError } from "commander";

import type { ProgramIO } from "./program-io.ts";
import { createProgram } from "./program.ts";
import { UsageError, UserError } from "./user-error.ts";

/** Exit codes: 0 only on success, 2 on wrong usage, 1 for everything else. */
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/**
 * Runs the program.
 * @param argv the arguments after the program's name
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stop.abort();
      // A second signal means: at once.
      process.once(signal, () => process.exit(EXIT_FAILURE));
    });
  }
  const io: ProgramIO = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: stop.signal,
  };
  return runProgram(argv, io);
}

/** The same with the given streams and environment. */
export async function runProgram(argv: readonly string[], io: ProgramIO): Promise<number> {
  let exitCode = 0;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    io.stderr.write(`ai-edge: ${describe(error, io.env)}\n`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
  }
}

/** One line for the user's own mistakes; a stack only for ours, and only when asked for. */
function describe(error: unknown, env: NodeJS.ProcessEnv): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UserError) return error.message;
  return env["AI_EDGE_DEBUG"] === undefined ? error.message : (error.stack ?? error.message);
}
