/** Reads a JSON pointer (RFC 6901): `/a/b~1c` → `["a", "b/c"]`, `` → `[]`. Throws SyntaxError for any other text. */
export function parseJsonPointer(text: string): string[] {
  if (text === "") return [];
  if (!text.startsWith("/"))
    throw new SyntaxError(`JSON pointer ${JSON.stringify(text)} must be empty or start with "/"`);
  return text
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The inverse of {@link parseJsonPointer}. */
export function formatJsonPointer(tokens: readonly string[]): string {
  return tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

const ARRAY_INDEX = /^(0|[1-9]\d{0,8})$/;

/** The index that a pointer token names in a list (RFC 6901 section 4: no sign, no leading zero), or undefined. */
export function arrayIndexOf(token: string): number | undefined {
  return ARRAY_INDEX.test(token) ? Number(token) : undefined;
}
