import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DOCUMENT = fileURLToPath(new URL("../docs/conformance.md", import.meta.url));

/** Replaces a suite's section of docs/conformance.md, or adds it: the document is written by runs, never by hand. */
export function writeSection(suite: string, section: string): void {
  const [start, end] = [`<!-- ${suite} -->`, `<!-- /${suite} -->`];
  const block = `${start}\n\n${section}\n\n${end}`;
  const text = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : "# Conformance\n";
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  const next =
    from < 0 || to < from
      ? `${text.trimEnd()}\n\n${block}\n`
      : text.slice(0, from) + block + text.slice(to + end.length);
  writeFileSync(DOCUMENT, next);
}
