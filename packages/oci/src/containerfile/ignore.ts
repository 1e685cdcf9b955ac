import { readFile } from "node:fs/promises";
import path from "node:path";
import { isMissing } from "../blob-store.ts";
import { globToRegExp } from "./glob.ts";

/** Says whether a path of the build context (relative, `/`) is left out. */
export type Ignored = (name: string) => boolean;

/** The rules of `.containerignore`, or else `.dockerignore`, in a context directory; the last match wins, `!` re-includes. */
export async function loadIgnore(context: string): Promise<Ignored> {
  for (const name of [".containerignore", ".dockerignore"]) {
    try {
      return parseIgnore(await readFile(path.join(context, name), "utf8"));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return () => false;
}

/** Parses ignore rules as docker does: patterns match from the root of the context, and cover what lies below. */
function parseIgnore(text: string): Ignored {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const include = line.startsWith("!");
      const pattern = path.posix.normalize((include ? line.slice(1) : line).trim()).replace(/^\/+|\/+$/g, "");
      return { include, expression: globToRegExp(pattern, { below: true }) };
    });
  return (name) =>
    rules.reduce((ignored, rule) => (rule.expression.test(name) ? !rule.include : ignored), false);
}
