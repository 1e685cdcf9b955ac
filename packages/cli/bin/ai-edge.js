#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: the sources need Node 24 (type stripping, node:sqlite), which npm
// installs beside us. Started by an older Node, this hands over to that one.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const REQUIRED_MAJOR = 24;

/** The nearest node_modules/.bin/node above this file that is new enough to run the sources. */
function installedNode() {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const candidate = join(
      directory,
      "node_modules",
      ".bin",
      process.platform === "win32" ? "node.cmd" : "node",
    );
    if (existsSync(candidate)) return candidate;
    if (dirname(directory) === directory) return undefined;
  }
}

if (Number(process.versions.node.split(".")[0]) >= REQUIRED_MAJOR) {
  process.exitCode = await (await import("../src/main.ts")).main(process.argv.slice(2));
} else {
  const node = installedNode();
  if (node === undefined) {
    process.stderr.write(
      `ai-edge needs Node ${REQUIRED_MAJOR}; this is ${process.version}, and npm installed no newer one for this platform. Install Node ${REQUIRED_MAJOR} and try again.\n`,
    );
    process.exitCode = 1;
  } else {
    const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
      stdio: "inherit",
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    child.on("exit", (code, signal) =>
      signal ? process.kill(process.pid, signal) : process.exit(code ?? 1),
    );
  }
}
