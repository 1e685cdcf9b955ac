import { ContainerfileError } from "./parse.ts";

/** Values of variables in a stage. */
export type Variables = ReadonlyMap<string, string>;

/**
 * Splits into words as a shell does (quotes, backslash), and expands `$NAME`, `${NAME}`, `${NAME:-default}` and
 * `${NAME:+alternative}` outside single quotes. An unset variable is empty, as in docker.
 */
export function splitWords(text: string, variables: Variables, line: number): string[] {
  const words: string[] = [];
  let word = "";
  let started = false;
  let quote = "";
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i] ?? "";
    if (quote === "" && /\s/.test(character)) {
      if (started) words.push(word);
      word = "";
      started = false;
      continue;
    }
    started = true;
    if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = "";
    else if (character === "\\" && quote !== "'") {
      const next = text[i + 1] ?? "";
      // Inside double quotes a backslash is itself before anything but these.
      word += quote === '"' && !/["$\\]/.test(next) ? `\\${next}` : next;
      i += 1;
    } else if (character === "$" && quote !== "'") {
      const { value, length } = expandAt(text, i, variables, line);
      word += value;
      i += length - 1;
    } else word += character;
  }
  if (quote !== "") throw new ContainerfileError(line, `a ${quote} is not closed`);
  if (started) words.push(word);
  return words;
}

/** The whole text as one word. */
export function expand(text: string, variables: Variables, line: number): string {
  return splitWords(text, variables, line).join(" ");
}

/** `KEY=value …`, values quoted or not; also the old `KEY the rest of the line`. */
export function splitPairs(text: string, variables: Variables, line: number): [key: string, value: string][] {
  const old = /^([^\s="']+)\s+([\s\S]+)$/.exec(text);
  if (old !== null && !/^\S+=/.test(text)) return [[old[1] ?? "", expand(old[2] ?? "", variables, line)]];
  return splitWords(text, variables, line).map((word) => {
    const equals = word.indexOf("=");
    if (equals <= 0) throw new ContainerfileError(line, `${JSON.stringify(word)}: want KEY=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function expandAt(
  text: string,
  at: number,
  variables: Variables,
  line: number,
): { value: string; length: number } {
  const rest = text.slice(at);
  const plain = /^\$([A-Za-z_][A-Za-z0-9_]*)/.exec(rest);
  if (plain !== null) return { value: variables.get(plain[1] ?? "") ?? "", length: plain[0].length };
  if (!rest.startsWith("${")) return { value: "$", length: 1 };
  const braced = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])((?:[^{}$]|\$(?!\{)|\$\{[^{}]*\})*))?\}/.exec(rest);
  if (braced === null)
    throw new ContainerfileError(
      line,
      `cannot read ${JSON.stringify(rest.slice(0, 40))}: want \${NAME}, \${NAME:-default} or \${NAME:+alternative}`,
    );
  const value = variables.get(braced[1] ?? "") ?? "";
  const other = expand(braced[3] ?? "", variables, line);
  const chosen =
    braced[2] === "-"
      ? value === ""
        ? other
        : value
      : braced[2] === "+"
        ? value === ""
          ? ""
          : other
        : value;
  return { value: chosen, length: braced[0].length };
}
