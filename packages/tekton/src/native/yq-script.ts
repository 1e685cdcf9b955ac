import { TaskError } from "./native-task.ts";

/** One `yq eval -i` command: an assignment of a text in a file. */
export interface YqAssignment {
  file: string;
  /** `-o=json -I=4`: the file is JSON, written with this indent. */
  json?: { indent: number };
  path: YqStep[];
  value: string;
}

/** A step of a yq path: into a field, through every element, or through those of which a field has a value. */
export type YqStep =
  | { kind: "field"; name: string }
  | { kind: "each" }
  | { kind: "select"; path: string[]; equals: string };

/** More than the two that pin an image, far fewer than a program. */
const MAX_COMMANDS = 100;

/**
 * Reads a script of `yq` assignments as they stand in GitOps update runs, e.g.
 * `yq eval -i "(.images[] | select(.name == \"x\").newName) = \"${IMAGE_NAME}\"" app/kustomization.yaml`. It is not a
 * shell: any other command or expression is refused.
 * @param environment the variables that `$NAME` and `${NAME}` stand for
 * @throws TaskError naming what is not understood
 */
export function parseYqScript(script: string, environment: Readonly<Record<string, string>>): YqAssignment[] {
  const lines = script
    .replaceAll(/\\\r?\n/g, " ")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length > MAX_COMMANDS)
    throw new TaskError(`the yq script has more than ${MAX_COMMANDS} commands`);
  return lines.map((line) => parseCommand(line, environment));
}

function parseCommand(line: string, environment: Readonly<Record<string, string>>): YqAssignment {
  const words = splitWords(line, environment);
  if (words[0] !== "yq")
    throw new TaskError(`the yq script may hold yq commands only, not ${JSON.stringify(words[0])}: ${line}`);
  const operands: string[] = [];
  let [inPlace, isJson, indent] = [false, false, 2];
  for (const word of words.slice(1)) {
    const indentation = /^(?:-I=?|--indent=)(\d)$/.exec(word)?.[1];
    if (word === "-i" || word === "--inplace") inPlace = true;
    else if (/^(?:-o=?|--output-format=)json$/.test(word)) isJson = true;
    else if (indentation !== undefined) indent = Number(indentation);
    else if (word.startsWith("-")) throw new TaskError(`yq ${word} is not supported: ${line}`);
    else operands.push(word);
  }
  if (operands[0] === "eval" || operands[0] === "e") operands.shift();
  const [expression, file, ...rest] = operands;
  if (!inPlace || expression === undefined || file === undefined || rest.length > 0) {
    throw new TaskError(`yq wants -i, one expression and one file: ${line}`);
  }
  return { file, ...(isJson ? { json: { indent } } : {}), ...parseExpression(expression, environment) };
}

/** Words as a shell makes them of quotes and variables; everything else of a shell is refused. */
function splitWords(line: string, environment: Readonly<Record<string, string>>): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let index = 0; index < line.length;) {
    const rest = line.slice(index);
    const single = /^'([^']*)'/.exec(rest);
    const double = /^"((?:[^"\\]|\\.)*)"/.exec(rest);
    const space = /^\s+/.exec(rest);
    const plain = /^[A-Za-z0-9_./=:@%+,${}-]+/.exec(rest);
    if (space !== null) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (single !== null) word = (word ?? "") + (single[1] ?? "");
    else if (double !== null) word = (word ?? "") + unescapeDouble(double[1] ?? "", environment);
    else if (plain !== null) word = (word ?? "") + expand(plain[0], environment);
    else
      throw new TaskError(
        `the yq script is not run by a shell: ${JSON.stringify(rest.slice(0, 20))} is not understood in: ${line}`,
      );
    index += (space ?? single ?? double ?? plain)?.[0].length ?? 1;
  }
  if (word !== undefined) words.push(word);
  return words;
}

function unescapeDouble(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\\(["\\$`])|\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?/g,
    (whole, escaped?: string, name?: string) =>
      escaped !== undefined ? escaped : variable(name ?? "", environment, whole),
  );
}

function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?/g, (whole, name: string) =>
    variable(name, environment, whole),
  );
}

function variable(name: string, environment: Readonly<Record<string, string>>, whole: string): string {
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  if (value === undefined)
    throw new TaskError(
      `the yq script uses ${whole}: it may use ${Object.keys(environment).join(" and ")} only`,
    );
  return value;
}

/** `(<path>) = "<text>"`, `<path> = strenv(NAME)`. */
function parseExpression(
  expression: string,
  environment: Readonly<Record<string, string>>,
): { path: YqStep[]; value: string } {
  const match =
    /^\s*(?:\((.*)\)|([^()=]*?))\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(?:str)?env\(([A-Za-z_][A-Za-z0-9_]*)\))\s*$/s.exec(
      expression,
    );
  if (match === null) throw new TaskError(`yq expression is not an assignment of a text: ${expression}`);
  const [, grouped, bare, text, name] = match;
  const value =
    name === undefined ? (text ?? "").replaceAll(/\\(["\\])/g, "$1") : variable(name, environment, name);
  return { path: parsePath(grouped ?? bare ?? "", expression), value };
}

const STEP =
  /^\s*\|?\s*(?:select\(\s*((?:\.[A-Za-z_][\w-]*)+)\s*==\s*"((?:[^"\\]|\\.)*)"\s*\)|\.([A-Za-z_][\w-]*)|\."([^"]+)"|\.?\[\])/;

function parsePath(text: string, expression: string): YqStep[] {
  const steps: YqStep[] = [];
  let rest = text;
  while (rest.trim() !== "") {
    const match = STEP.exec(rest);
    if (match === null)
      throw new TaskError(
        `yq expression is not understood at ${JSON.stringify(rest.slice(0, 40))}: ${expression}`,
      );
    const [whole, selectPath, equals, field, quoted] = match;
    if (selectPath !== undefined)
      steps.push({
        kind: "select",
        path: selectPath.slice(1).split("."),
        equals: (equals ?? "").replaceAll(/\\(["\\])/g, "$1"),
      });
    else if ((field ?? quoted) !== undefined) steps.push({ kind: "field", name: field ?? quoted ?? "" });
    else steps.push({ kind: "each" });
    rest = rest.slice(whole.length);
  }
  if (steps.at(-1)?.kind !== "field") throw new TaskError(`yq expression must end in a field: ${expression}`);
  return steps;
}
