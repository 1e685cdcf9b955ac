import { readFileSync } from "node:fs";

import { Command, Option } from "commander";

import type { ProgramIO } from "./program-io.ts";
import { UsageError } from "./user-error.ts";

/** A command's own arguments, parsed by the part that it belongs to (kubectl-like verbs, kustomize, image). */
const PASS_THROUGH = [
  [
    "apply",
    "create or update resources from files (-f) or a kustomization (-k)",
    "ai-edge apply -k registration",
  ],
  ["get", "show resources", "ai-edge get pods -A"],
  ["logs", "print the logs of a pod", "ai-edge logs -n bike-rentals deploy/bike-rentals-model-1"],
  [
    "wait",
    "wait for a condition of a resource",
    "ai-edge wait pipelinerun/build --for condition=Succeeded --timeout 5m",
  ],
  ["delete", "delete resources", "ai-edge delete -f app.yaml"],
] as const;

/**
 * The command line. Every action imports its part lazily: `ai-edge get` must not load a registry.
 * @param setExitCode called by commands whose failure is an answer, not an error
 */
export function createProgram(io: ProgramIO, setExitCode: (code: number) => void): Command {
  const program = new Command("ai-edge")
    .description("Takes a trained model to every near-edge site through Git, and shows what it does there.")
    .version(packageVersion(), "--version")
    .helpOption("--help", "show help")
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
    .showHelpAfterError("(--help shows the usage)")
    .addHelpText("after", "\nExample:\n  ai-edge demo");
  addTopologyCommands(program, io);
  addRoleCommands(program, io);
  addPartCommands(program, io, setExitCode);
  return program;
}

function addTopologyCommands(program: Command, io: ProgramIO): void {
  const dataDir = new Option("--data-dir <dir>", "where all state lives").default(".ai-edge");
  program
    .command("up")
    .description("start one core and N near edges on this machine")
    .option("--edges <n>", "number of near edges", parseCount, 2)
    .addOption(dataDir)
    .option("--detach", "return when everything is up, and leave it running")
    .addHelpText("after", "\nExample:\n  ai-edge up --edges 2 --data-dir /tmp/ai-edge --detach")
    .action(async (options) => (await import("./commands/up.ts")).up(options, io));
  program
    .command("down")
    .description("stop what `up` started; with names, only those processes (up starts them again)")
    .argument("[names...]", "core, near-edge-1, …")
    .addOption(dataDir)
    .addHelpText("after", "\nExample:\n  ai-edge down --data-dir /tmp/ai-edge")
    .action(async (names: string[], options) =>
      (await import("./commands/down.ts")).down(names, options, io),
    );
  program
    .command("status")
    .description("show the processes, sites and routes of a topology")
    .addOption(dataDir)
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  ai-edge status --data-dir /tmp/ai-edge --output json")
    .action(async (options) => (await import("./commands/status.ts")).status(options, io));
  program
    .command("demo")
    .description("take two models to two near edges through Git, hop by hop")
    .option("--once", "run all hops, then stop everything and remove its data")
    .option("--keep", "with --once: keep the data directory")
    .option("--edges <n>", "number of near edges", parseCount, 2)
    .option("--data-dir <dir>", "where all state lives (default: a new temporary directory)")
    .addOption(outputOption())
    .addHelpText("after", "\nExample:\n  ai-edge demo --once --output json")
    .action(async (options) => (await import("./commands/demo.ts")).demo(options, io));
}

function addRoleCommands(program: Command, io: ProgramIO): void {
  program
    .command("core")
    .description("run the core: API server, registry, forge, pipelines, hub, metrics")
    .requiredOption("--data-dir <dir>", "where all state lives")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--api-port <port>", "port of the API server (0 = any free one)", parsePort)
    .option("--registry-port <port>", "port of the registry", parsePort)
    .option("--forge-port <port>", "port of the Git server", parsePort)
    .option("--metrics-port <port>", "port of the metrics API", parsePort)
    .addHelpText("after", "\nExample:\n  ai-edge core --data-dir /var/lib/ai-edge/core")
    .action(async (options) => (await import("./commands/core.ts")).core(options, io));
  program
    .command("edge")
    .description("run one near edge")
    .requiredOption("--data-dir <dir>", "where all state lives")
    .option("--name <cluster>", "the cluster's name (default: the one in the join token)")
    .option("--join <token>", 'join token of the core; "-" reads it from standard input, away from `ps`')
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--api-port <port>", "port of the API server (0 = any free one)", parsePort)
    .addHelpText(
      "after",
      "\nExample:\n  ai-edge token create farm-7 | ai-edge edge --data-dir /var/lib/ai-edge/edge --join -",
    )
    .action(async (options) => (await import("./commands/edge.ts")).edge(options, io));
  const token = program
    .command("token")
    .description("manage join tokens")
    .addHelpText("after", "\nExample:\n  ai-edge token create farm-7 --ttl 1h");
  token
    .command("create")
    .description("print a single-use token with which one cluster may join")
    .argument("<cluster>", "the name that the cluster will have")
    .option("--ttl <duration>", "how long it is valid (for example 30m, 24h)", "24h")
    .option("--data-dir <dir>", "the core's data directory, or that of `up`", ".ai-edge")
    .addHelpText("after", "\nExample:\n  ai-edge token create farm-7 --ttl 1h")
    .action(async (cluster: string, options) =>
      (await import("./commands/token.ts")).createToken(cluster, options, io),
    );
}

function addPartCommands(program: Command, io: ProgramIO, setExitCode: (code: number) => void): void {
  program
    .command("apiserver")
    .description("run the embedded Kubernetes API server alone")
    .requiredOption("--data-dir <dir>", "where its state lives")
    .option(
      "--listen <host:port>",
      "address; port 0 = any free one (default: 127.0.0.1:6443, or a free port if that is taken)",
    )
    .option("--write-kubeconfig <file>", "write an administrator's kubeconfig when it answers")
    .addHelpText(
      "after",
      "\nExample:\n  ai-edge apiserver --data-dir /tmp/api --listen 127.0.0.1:0 --write-kubeconfig /tmp/api/kubeconfig",
    )
    .action(async (options) => (await import("./commands/apiserver.ts")).apiserver(options, io));
  program
    .command("registry")
    .description("run the OCI registry alone (plain HTTP)")
    .requiredOption("--data-dir <dir>", "where its blobs live")
    .option(
      "--listen <host:port>",
      "address; port 0 = any free one (default: 127.0.0.1:5000, or a free port if that is taken)",
    )
    .addHelpText("after", "\nExample:\n  ai-edge registry --data-dir /tmp/registry --listen 127.0.0.1:5000")
    .action(async (options) => (await import("./commands/registry.ts")).registry(options, io));
  program
    .command("forge")
    .description("run the Git server with pull requests alone (plain HTTP)")
    .requiredOption("--data-dir <dir>", "where its repositories live")
    .option(
      "--listen <host:port>",
      "address; port 0 = any free one (default: 127.0.0.1:3000, or a free port if that is taken)",
    )
    .addHelpText(
      "after",
      "\nExample:\n  AI_EDGE_FORGE_TOKEN=… ai-edge forge --data-dir /tmp/forge --listen 127.0.0.1:3000",
    )
    .action(async (options) => (await import("./commands/forge.ts")).forge(options, io));
  for (const [name, description, module] of [
    ["model-server", "run the model server alone", "model-server"],
    ["kustomize", "render kustomizations (build), edit their images (edit set image)", "kustomize"],
    ["image", "build, push, pull, copy and inspect OCI images without a daemon", "image"],
  ] as const) {
    passThrough(program, name, description).action(async (args: string[]) =>
      setExitCode(await (await import("./commands/parts.ts")).runPart(module, args, io)),
    );
  }
  for (const [name, description, example] of PASS_THROUGH) {
    passThrough(program, name, description)
      .addHelpText("after", `\nExample:\n  ${example}`)
      .action(async (args: string[]) =>
        setExitCode(await (await import("./commands/parts.ts")).runPart("kubectl", [name, ...args], io)),
      );
  }
}

/** A command whose own parser sees all of its arguments, `--help` included. */
function passThrough(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument("[arguments...]")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false);
}

function outputOption(): Option {
  return new Option("--output <format>", "text, or json for scripts")
    .choices(["text", "json"])
    .default("text");
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 0 || count > 100)
    throw new UsageError(`"${text}" is not a number of edges (0 to 100)`);
  return count;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`"${text}" is not a port (0 to 65535)`);
  return port;
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "0.0.0";
}
