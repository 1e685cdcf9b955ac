/**
 * A glob of Containerfiles (Go's `filepath.Match`: `*`, `?`, `[a-z]`, `\x`; and `**` as in .dockerignore) as a
 * regular expression that matches whole paths.
 * @param options.below also match everything below what matches
 */
export function globToRegExp(pattern: string, options: { below?: boolean } = {}): RegExp {
  let source = "";
  for (let i = 0; i < pattern.length; i += 1) {
    const character = pattern[i] ?? "";
    if (pattern.startsWith("**", i)) {
      const slash = pattern[i + 2] === "/";
      source += slash ? "(?:.*/)?" : ".*";
      i += slash ? 2 : 1;
    } else if (character === "*") source += "[^/]*";
    else if (character === "?") source += "[^/]";
    else if (character === "[") {
      const end = pattern.indexOf("]", i + 2);
      if (end < 0) source += "\\[";
      else {
        source += `[${pattern
          .slice(i + 1, end)
          .replace(/\\/g, "\\\\")
          .replace(/^!/, "^")
          .replace(/\[/g, "\\[")}]`;
        i = end;
      }
    } else if (character === "\\" && i + 1 < pattern.length) {
      i += 1;
      source += escapeText(pattern[i] ?? "");
    } else source += escapeText(character);
  }
  return new RegExp(`^${source}${options.below === true ? "(?:/.*)?" : ""}$`);
}

/** True if the text has characters that a glob gives a meaning. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

function escapeText(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
