/** Prints every import of packages/ that breaks the arrows (arrows.ts), and exits 1 if there is one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { arrowViolations, type PackageSources } from "./arrows.ts";

const PACKAGES = fileURLToPath(new URL("../packages", import.meta.url));

function readPackage(name: string): PackageSources {
  const directory = join(PACKAGES, name);
  const files = readdirSync(join(directory, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({
      path: `src/${path.replaceAll("\\", "/")}`,
      text: readFileSync(join(directory, "src", path), "utf8"),
    }));
  return { name, manifest: JSON.parse(readFileSync(join(directory, "package.json"), "utf8")), files };
}

const violations = readdirSync(PACKAGES).flatMap((name) => arrowViolations(readPackage(name)));
for (const { file, specifier, reason } of violations) console.error(`${file}: "${specifier}": ${reason}`);
process.exitCode = violations.length > 0 ? 1 : 0;
