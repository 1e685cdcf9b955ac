/** An instruction of a Containerfile with where it stands. */
export interface Instruction {
  /** Upper case. */
  keyword: string;
  /** `--name=value` flags before the arguments. */
  flags: Record<string, string>;
  /** The rest of the line, continuation lines joined, not yet expanded. */
  rest: string;
  /** First line, from 1. */
  line: number;
}

/** An error that names the file's line. */
export class ContainerfileError extends Error {
  override readonly name = "ContainerfileError";

  constructor(line: number, message: string) {
    super(`Containerfile line ${line}: ${message}`);
  }
}

/** No hand-written Containerfile is near this. */
const MAX_SIZE = 1024 * 1024;

const KEYWORDS = new Set([
  "FROM",
  "ARG",
  "ENV",
  "LABEL",
  "COPY",
  "ADD",
  "WORKDIR",
  "USER",
  "EXPOSE",
  "ENTRYPOINT",
  "CMD",
  "VOLUME",
  "STOPSIGNAL",
  "HEALTHCHECK",
  "RUN",
  "SHELL",
  "ONBUILD",
  "MAINTAINER",
]);

/** Takes a Containerfile apart. Comments and empty lines go; a continued line may be interrupted by them, as in docker. */
export function parseContainerfile(text: string): Instruction[] {
  if (text.length > MAX_SIZE) throw new ContainerfileError(1, `larger than ${MAX_SIZE} characters`);
  const instructions: Instruction[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const escape = escapeCharacter(lines);
  for (let index = 0; index < lines.length; index += 1) {
    const first = lines[index] ?? "";
    if (isBlank(first)) continue;
    const start = index + 1;
    let logical = "";
    for (let line: string | undefined = first; line !== undefined;) {
      const continued = continuation(line, escape);
      logical += continued ?? line;
      if (continued === undefined) break;
      index += 1;
      while (index < lines.length && isBlank(lines[index] ?? "")) index += 1;
      line = lines[index];
    }
    instructions.push(parseInstruction(logical.trim(), start));
  }
  if (instructions.length === 0) throw new ContainerfileError(1, "the file has no instructions");
  return instructions;
}

function isBlank(line: string): boolean {
  return /^\s*(#|$)/.test(line);
}

/** The line without its trailing escape character, if it has one. */
function continuation(line: string, escape: string): string | undefined {
  const trimmed = line.replace(/[ \t]+$/, "");
  return trimmed.endsWith(escape) ? trimmed.slice(0, -1) : undefined;
}

/** The `# escape=` directive, which must come before everything else. */
function escapeCharacter(lines: readonly string[]): string {
  for (const line of lines) {
    const match = /^\s*#\s*([a-zA-Z]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) break;
    if (match[1]?.toLowerCase() === "escape" && (match[2] === "`" || match[2] === "\\")) return match[2];
  }
  return "\\";
}

function parseInstruction(text: string, line: number): Instruction {
  const match = /^([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(text);
  const keyword = match?.[1]?.toUpperCase() ?? "";
  if (!KEYWORDS.has(keyword))
    throw new ContainerfileError(
      line,
      `unknown instruction ${JSON.stringify(text.split(/\s/)[0]?.slice(0, 40) ?? "")}`,
    );
  let rest = (match?.[2] ?? "").trim();
  const flags: Record<string, string> = {};
  if (FLAGGED.has(keyword)) {
    for (let flag = FLAG.exec(rest); flag !== null; flag = FLAG.exec(rest)) {
      flags[flag[1] ?? ""] = flag[2] ?? "true";
      rest = rest.slice(flag[0].length).trimStart();
    }
  }
  if (/<<-?\s*["']?\w/.test(rest) && (keyword === "COPY" || keyword === "ADD")) {
    throw new ContainerfileError(
      line,
      "here-documents are not supported: put the content into a file of the build context",
    );
  }
  if (rest === "") throw new ContainerfileError(line, `${keyword} needs an argument`);
  return { keyword, flags, rest, line };
}

const FLAG = /^--([a-z][a-z-]*)(?:=(\S*))?(?=\s|$)/;
const FLAGGED = new Set(["FROM", "COPY", "ADD", "RUN", "HEALTHCHECK"]);

/** The JSON (exec) form `["a","b"]`; undefined if the text is not in it. */
export function execForm(rest: string): string[] | undefined {
  if (!rest.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(rest);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}
