#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: the sources need Node 24 (type stripping, node:sqlite), which npm
// installs beside us. Started by an older Node, this hands over to that one.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const REQUIRED_MAJOR = 24;
/** Commands that stay, or that scripts time, and so are worth a bundle; see program-bundle.js. */
const BUNDLED = new Set(["up", "demo", "core", "edge", "apiserver", "registry", "forge", "kustomize"]);

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

const args = process.argv.slice(2);
if (Number(process.versions.node.split(".")[0]) >= REQUIRED_MAJOR) {
  const { programEntry } = await import("./program-bundle.js");
  const build = BUNDLED.has(args[0]) && !args.includes("--help");
  const entry = await programEntry({ build, inherited: process.env.AI_EDGE_PROGRAM });
  // What this process starts runs the same program.
  process.env.AI_EDGE_PROGRAM = entry;
  const { main } = await import(entry);
  process.exitCode = await main(args);
} else {
  const node = installedNode();
  if (node === undefined) {
    process.stderr.write(
      `ai-edge needs Node ${REQUIRED_MAJOR}; this is ${process.version}, and npm installed no newer one for this platform. Install Node ${REQUIRED_MAJOR} and try again.\n`,
    );
    process.exitCode = 1;
  } else {
    const child = spawn(node, [fileURLToPath(import.meta.url), ...args], { stdio: "inherit" });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    child.on("exit", (code, signal) =>
      signal ? process.kill(process.pid, signal) : process.exit(code ?? 1),
    );
  }
}
