/** What went wrong is the user's to mend: printed as one line, without a stack (DESIGN.md rule 7.7). */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** Wrong usage of the command line: exit code 2. */
export class UsageError extends UserError {}

/** Turns the system errors that users cause every day into one line that says what to do. */
export function explainSystemError(
  error: unknown,
  context: { path?: string; address?: string },
): UserError | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  switch (error.code) {
    case "EADDRINUSE":
      return new UserError(
        `${context.address ?? "the address"} is already in use: stop what listens there, or choose another with --listen`,
      );
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new UserError(
        `${context.path ?? "the data directory"} is not writable (${error.code}): choose another with --data-dir`,
      );
    case "EEXIST":
    case "ENOTDIR":
      return new UserError(
        `${context.path ?? "the data directory"} is a file, not a directory: choose another with --data-dir`,
      );
    case "ENOSPC":
      return new UserError(
        `the disk that holds ${context.path ?? "the data directory"} is full: free some space and try again`,
      );
    default:
      return undefined;
  }
}

/** What an error says, for the end of another message or a report. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error);
}
