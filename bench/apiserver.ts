/*
 * Times the embedded API server as a program of its own: from exec to the first answer, first `get`, resident memory, durable
 * small writes a second over HTTPS with 32 clients in another process, and a list of what they wrote.
 * Run: npx node bench/apiserver.ts [seconds of load]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type TLSSocket, connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { clientFromKubeconfig, parseKubeconfig } from "../packages/client/src/index.ts";

const PROGRAM = fileURLToPath(new URL("../packages/cli/bin/ai-edge.js", import.meta.url));
const CLIENTS = 32;
const LOAD_SECONDS = 3;
const STARTS = 3;
const START_TIMEOUT_MS = 20_000;
/** The loopback answers within a millisecond; this is how exact the start time is. */
const POLL_MS = 2;
const COLLECTION = "/api/v1/namespaces/default/configmaps";
/** The goals. */
const GOALS = { firstAnswerMs: 300, rssMiB: 80, writesPerSecond: 8000 } as const;

interface Started {
  readonly child: ChildProcess;
  readonly kubeconfig: string;
  readonly milliseconds: number;
}

interface LoadResult {
  readonly writes: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

/** Runs the program until it answers a list, as `kubectl get` would. */
async function start(dataDir: string): Promise<Started> {
  const kubeconfigFile = join(dataDir, "kubeconfig");
  rmSync(kubeconfigFile, { force: true });
  const began = performance.now();
  const args = [
    "apiserver",
    "--data-dir",
    dataDir,
    "--listen",
    "127.0.0.1:0",
    "--write-kubeconfig",
    kubeconfigFile,
  ];
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  while (!existsSync(kubeconfigFile) || readFileSync(kubeconfigFile, "utf8") === "") {
    if (child.exitCode !== null || performance.now() - began > START_TIMEOUT_MS)
      throw new Error("the API server did not start");
    await delay(POLL_MS);
  }
  const kubeconfig = readFileSync(kubeconfigFile, "utf8");
  await get(kubeconfig, COLLECTION);
  return { child, kubeconfig, milliseconds: performance.now() - began };
}

/** Gets a path over a new connection; milliseconds and the size of the answer. */
async function get(kubeconfig: string, path: string): Promise<{ milliseconds: number; bytes: number }> {
  const client = clientFromKubeconfig(parseKubeconfig(kubeconfig));
  try {
    const began = performance.now();
    const text = await (await client.request("GET", path)).text();
    return { milliseconds: performance.now() - began, bytes: text.length };
  } finally {
    client.close();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

function residentMiB(pid: number | undefined): number {
  const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** The load, in this program started again, so that server and clients do not share a processor. */
async function runLoad(kubeconfig: string, seconds: number): Promise<LoadResult> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), "--load", String(seconds)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(kubeconfig);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await new Promise((resolve) => child.once("close", resolve));
  return JSON.parse(output) as LoadResult;
}

/** One connection that makes one ConfigMap after the other, as HTTP/1.1 without a library, which would be the bottleneck. */
async function write(socket: TLSSocket, client: number, until: number, times: number[]): Promise<void> {
  let received = Buffer.alloc(0);
  for (let index = 0; performance.now() < until; index += 1) {
    const body = JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `c${client}-${index}` },
      data: { index: String(index) },
    });
    const began = performance.now();
    socket.write(
      `POST ${COLLECTION} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    for (;;) {
      const end = received.indexOf("\r\n\r\n");
      const head = end < 0 ? "" : received.subarray(0, end).toString("latin1");
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (end >= 0 && received.length >= end + 4 + length) {
        if (!head.startsWith("HTTP/1.1 201")) throw new Error(received.toString());
        received = received.subarray(end + 4 + length);
        break;
      }
      const chunk: unknown = await new Promise((resolve) => socket.once("data", resolve));
      if (Buffer.isBuffer(chunk)) received = Buffer.concat([received, chunk]);
    }
    times.push(performance.now() - began);
  }
  socket.destroy();
}

async function load(seconds: number): Promise<void> {
  const { server, tls } = connectionOf(readFileSync(0, "utf8"));
  const times: number[] = [];
  const sockets = await Promise.all(
    Array.from(
      { length: CLIENTS },
      () =>
        new Promise<TLSSocket>((resolve) => {
          const socket = connect({ host: server.hostname, port: Number(server.port), ...tls }, () =>
            resolve(socket),
          );
        }),
    ),
  );
  const began = performance.now();
  await Promise.all(sockets.map((socket, client) => write(socket, client, began + seconds * 1000, times)));
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  const result: LoadResult = {
    writes: times.length,
    seconds: (performance.now() - began) / 1000,
    p50: at(0.5),
    p99: at(0.99),
  };
  console.log(JSON.stringify(result));
}

/** Where a kubeconfig points, and its certificates (PEM). */
function connectionOf(text: string): { server: URL; tls: { ca: string; cert: string; key: string } } {
  const field = (name: string): string => new RegExp(`${name}: "?([^"\\s]+)`).exec(text)?.[1] ?? "";
  const pem = (name: string): string => Buffer.from(field(name), "base64").toString();
  const tls = {
    ca: pem("certificate-authority-data"),
    cert: pem("client-certificate-data"),
    key: pem("client-key-data"),
  };
  return { server: new URL(field("server")), tls };
}

function report(what: string, value: string, goal = ""): void {
  console.log(`${what.padEnd(46)} ${value.padStart(12)}  ${goal}`);
}

async function main(seconds: number): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "bench-apiserver-"));
  let stopLast = (): Promise<void> => Promise.resolve();
  try {
    const starts: number[] = [];
    for (let round = 1; round < STARTS; round += 1) {
      const started = await start(root);
      starts.push(started.milliseconds);
      await stop(started.child);
    }
    const { child, kubeconfig, milliseconds } = await start(root);
    stopLast = () => stop(child);
    const first = starts[0] ?? milliseconds;
    const again = [...starts.slice(1), milliseconds];
    report("exec to first answered list, new directory", `${first.toFixed(0)} ms`);
    report(
      "exec to first answered list, again",
      `${Math.min(...again).toFixed(0)} ms`,
      `goal ${GOALS.firstAnswerMs} ms`,
    );
    const discovery = await get(kubeconfig, "/apis");
    report("get over a new connection", `${discovery.milliseconds.toFixed(1)} ms`);
    await delay(1000);
    report("RSS, idle", `${residentMiB(child.pid).toFixed(0)} MiB`, `goal ${GOALS.rssMiB} MiB`);
    const { writes, seconds: took, p50, p99 } = await runLoad(kubeconfig, seconds);
    report(
      `durable writes a second, ${CLIENTS} clients, HTTPS`,
      (writes / took).toFixed(0),
      `goal ${GOALS.writesPerSecond}; p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
    );
    report("RSS, after that load", `${residentMiB(child.pid).toFixed(0)} MiB`, `${writes} objects`);
    const list = await get(kubeconfig, `${COLLECTION}?limit=5000`);
    report(
      "list of 5,000",
      `${list.milliseconds.toFixed(0)} ms`,
      `goal 150 ms; ${(list.bytes / 1e6).toFixed(1)} MB`,
    );
  } finally {
    await stopLast();
    rmSync(root, { recursive: true, force: true });
  }
}

const [, , option, value] = process.argv;
await (option === "--load" ? load(Number(value)) : main(Number(option ?? LOAD_SECONDS)));
