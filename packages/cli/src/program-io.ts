/** Where a command reads and writes; the composition root passes the process's own, tests pass theirs. */
export interface ProgramIO {
  stdin: NodeJS.ReadableStream;
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Aborts on SIGINT and SIGTERM. */
  signal: AbortSignal;
}
