/** Longer patterns are an attack, not a selector. */
const MAX_PATTERN_LENGTH = 1_000;

/** Compiles a regular expression in Go's syntax. @throws Error that shows the expression */
export function compilePattern(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH)
    throw new Error(`regular expression longer than ${MAX_PATTERN_LENGTH}`);
  try {
    return new RegExp(pattern, "u");
  } catch {
    try {
      return new RegExp(pattern);
    } catch (error) {
      throw new Error(
        `error parsing regexp: \`${pattern}\`: ${error instanceof Error ? error.message : ""}`,
        {
          cause: error,
        },
      );
    }
  }
}

/** Compiles a selector's expression: it must match the whole text. */
export function compileAnchored(pattern: string): RegExp {
  return compilePattern(`^(?:${pattern})$`);
}
