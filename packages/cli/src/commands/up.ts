import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { pino } from "pino";

import type { ProgramIO } from "../program-io.ts";
import { startIdleCollection } from "../role/idle-collection.ts";
import { runningProcess } from "../topology/data-directory.ts";
import { makeDirectory } from "../topology/make-directory.ts";
import { edgeName, startTopology, type Topology } from "../topology/topology.ts";
import { aborted } from "../topology/wait.ts";
import { UserError } from "../user-error.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/ai-edge.js", import.meta.url));

export interface UpOptions {
  edges: number;
  dataDir: string;
  detach?: boolean;
}

/** `ai-edge up`: runs the topology in the foreground, or leaves a supervisor behind with `--detach`. */
export async function up(options: UpOptions, io: ProgramIO): Promise<void> {
  const dataDir = resolve(io.cwd, options.dataDir);
  if (options.detach === true) {
    await detach(options, dataDir, io);
    return;
  }
  startIdleCollection(io.signal);
  const topology = await startTopology({
    dataDir,
    edges: options.edges,
    env: io.env,
    signal: io.signal,
    logger: pino({ name: "up", level: "warn" }, pino.destination(2)),
    report: (line) => io.stderr.write(`${line}\n`),
  });
  io.stderr.write(nextSteps(topology, options.edges));
  // Tells a detaching parent that everything is up.
  process.send?.({ type: "ready" });
  await aborted(io.signal);
  io.stderr.write("stopping\n");
  await topology.stop();
}

function nextSteps(topology: Topology, edges: number): string {
  const kubeconfig = join(topology.dataDir, "core", "kubeconfig");
  const lines = [
    "",
    `Everything is up; addresses are in ${join(topology.dataDir, "endpoints.json")}.`,
    `  kubectl --kubeconfig ${kubeconfig} get managedclusters`,
    `  ai-edge get managedclusters --kubeconfig ${kubeconfig}`,
    ...(edges === 0
      ? []
      : [`  kubectl --kubeconfig ${join(topology.dataDir, edgeName(1), "kubeconfig")} get pods -A`]),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

/** Starts the supervisor as a process of its own session, and waits until it says that everything is up. */
async function detach(options: UpOptions, dataDir: string, io: ProgramIO): Promise<void> {
  const running = await runningProcess(dataDir);
  if (running !== undefined)
    throw new UserError(
      `${dataDir} is already up (process ${running}): ai-edge status --data-dir ${dataDir}`,
    );
  await makeDirectory(dataDir);
  const logFile = join(dataDir, "up.log");
  const log = await open(logFile, "w", 0o600);
  const child = spawn(
    process.execPath,
    [PROGRAM, "up", "--edges", String(options.edges), "--data-dir", dataDir],
    {
      env: io.env,
      detached: true,
      stdio: ["ignore", log.fd, log.fd, "ipc"],
    },
  );
  await log.close();
  const outcome = await new Promise<"ready" | "ended">((settle) => {
    child.once("message", () => settle("ready"));
    child.once("exit", () => settle("ended"));
    io.signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  });
  const output = await readFile(logFile, "utf8");
  if (outcome === "ended") {
    const last = output.trim().split("\n").at(-1) ?? "it printed nothing";
    throw new UserError(last.replace(/^ai-edge: /, ""));
  }
  child.disconnect();
  child.unref();
  io.stderr.write(output);
  io.stderr.write(
    `It runs in the background (process ${child.pid}); stop it with: ai-edge down --data-dir ${dataDir}\n`,
  );
}
