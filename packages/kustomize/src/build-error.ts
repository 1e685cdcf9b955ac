/** What was thrown, as an Error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** An error with the step that failed in front, once. */
export function prefixed(step: string, error: unknown): Error {
  const cause = asError(error);
  return cause.message.startsWith(`${step}: `) ? cause : new Error(`${step}: ${cause.message}`, { cause });
}
