/**
 * Runs every benchmark beside it, one after the other: `npm run bench`. Exit 1 when one of them fails or misses its bounds.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";

const directory = import.meta.dirname;
const benches = readdirSync(directory)
  .filter((name) => name.endsWith(".ts") && name !== basename(import.meta.filename))
  .sort();
const failed: string[] = [];
for (const name of benches) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, [join(directory, name)], { stdio: "inherit" });
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`\nfailed or out of bounds: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;
