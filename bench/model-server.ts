/**
 * The model server as images have it (one bundle, its Node flags), one process per format: cold start, resident memory,
 * requests per second from a load process of its own, and how health fares under overload. Run: npx node bench/model-server.ts [seconds]
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MODEL_SERVER_BUNDLE, MODEL_SERVER_NODE_FLAGS } from "../packages/model-server/src/index.ts";

/** esbuild belongs to the model server's package, so it is looked up from there. */
const { build }: { build: (options: object) => Promise<unknown> } = createRequire(
  MODEL_SERVER_BUNDLE.entryPoints[0],
)("esbuild");

const root = join(import.meta.dirname, "..");
const CLIENTS = 16;
const OVERLOAD_CLIENTS = 300;
/** Requests before the memory is read: a site's server answers a few, not thousands. */
const WARM_REQUESTS = 20;
const MAX_SECONDS = 5;
/** Under overload health is asked this often. */
const HEALTH_INTERVAL_MS = 20;

interface Load {
  url: string;
  /** File with the body. */
  body: string;
  headers: Record<string, string>;
  clients: number;
  seconds: number;
}

interface Timings {
  /** Milliseconds by HTTP status, ascending. */
  byStatus: Record<string, number[]>;
}

function send(agent: Agent, url: string, headers: Record<string, string>, body?: Buffer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const asked = request(url, { agent, headers, method: body === undefined ? "GET" : "POST" }, (response) => {
    response.resume().once("end", () => resolve(response.statusCode ?? 0));
  });
  asked.once("error", reject).end(body);
  return promise;
}

/** The load process: keeps its clients busy, and prints what they saw. */
async function generate({ url, body, headers, clients, seconds }: Load): Promise<Timings> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const bytes = await readFile(body);
  const end = performance.now() + seconds * 1_000;
  const byStatus: Timings["byStatus"] = {};
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const started = performance.now();
      const status = await send(agent, url, { ...headers, "content-length": String(bytes.length) }, bytes);
      (byStatus[status] ??= []).push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
  for (const list of Object.values(byStatus)) list.sort((a, b) => a - b);
  return { byStatus };
}

async function inLoadProcess(load: Load): Promise<Timings> {
  const child = spawn(process.execPath, [import.meta.filename, "load", JSON.stringify(load)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += String(chunk)));
  await once(child, "close");
  return JSON.parse(text);
}

const quantile = (sorted: readonly number[], part: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN).toFixed(1);

interface Running {
  child: ChildProcess;
  url: string;
  startMs: number;
}

async function startServer(bundle: string, modelDir: string, model: string): Promise<Running> {
  const started = performance.now();
  const env = { MODEL_NAME: model, MODEL_DIR: modelDir, REST_PORT: "0", METRICS_PORT: "0" };
  const child = spawn(process.execPath, [...MODEL_SERVER_NODE_FLAGS, bundle], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.includes("model ready") || text.includes('"level":50')) break;
  }
  const startMs = performance.now() - started;
  const url = /"url":"(http:[^"]+)"/.exec(text)?.[1];
  if (url === undefined || !text.includes("model ready")) {
    child.kill("SIGKILL");
    throw new Error(`the server of ${modelDir} did not start: ${text}`);
  }
  return { child, url: `${url}/v2/models/${model}/infer`, startMs };
}

async function residentMegabytes(pid: number): Promise<string> {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return (Number(kilobytes) / 1_000).toFixed(0);
}

interface Recorded {
  name: string;
  model: unknown;
  rows: (number | null)[][];
  ubj?: string;
}

async function recorded(file: string, name: string): Promise<Recorded> {
  const cases: Recorded[] = JSON.parse(
    await readFile(join(root, "packages/model-server/testdata", file), "utf8"),
  );
  return cases.find((one) => one.name === name)!;
}

function jsonBody({ rows }: Recorded): string {
  const [row = []] = rows;
  return JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1, row.length], data: row }] });
}

interface Subject {
  name: string;
  /** The name that its golden answer expects. */
  model: string;
  directory: string;
  body: string;
}

async function subjects(directory: string): Promise<Subject[]> {
  const lightgbm = await recorded("lightgbm-answers.json", "multiclass");
  const ubj = await recorded("xgboost-answers.json", "multi:softprob");
  for (const name of ["lightgbm", "ubj"]) await mkdir(join(directory, name));
  await writeFile(join(directory, "lightgbm/model.txt"), String(lightgbm.model));
  await writeFile(join(directory, "ubj/model.ubj"), Buffer.from(ubj.ubj ?? "", "base64"));
  const golden = (model: string): Promise<string> =>
    readFile(join(root, "examples/models", model, "golden/data.json"), "utf8");
  const { inputs } = JSON.parse(await golden("digit-reader"));
  const image = { ...inputs[0], shape: [1, 64], data: inputs[0].data.slice(0, 64) };
  return [
    {
      name: "XGBoost JSON",
      model: "bike-rentals",
      directory: join(root, "examples/models/bike-rentals"),
      body: await golden("bike-rentals"),
    },
    { name: "XGBoost UBJSON", model: "m", directory: join(directory, "ubj"), body: jsonBody(ubj) },
    { name: "LightGBM text", model: "m", directory: join(directory, "lightgbm"), body: jsonBody(lightgbm) },
    {
      name: "ONNX",
      model: "digit-reader",
      directory: join(root, "examples/models/digit-reader"),
      body: JSON.stringify({ inputs: [image] }),
    },
  ];
}

async function measureFormat(
  bundle: string,
  subject: Subject,
  bodyFile: string,
  seconds: number,
): Promise<object> {
  await writeFile(bodyFile, subject.body);
  const { child, url, startMs } = await startServer(bundle, subject.directory, subject.model);
  try {
    const agent = new Agent({ keepAlive: true });
    const headers = { "content-type": "application/json" };
    for (let index = 0; index < WARM_REQUESTS; index++) {
      await send(agent, url, headers, Buffer.from(subject.body));
    }
    agent.destroy();
    const rss = await residentMegabytes(child.pid ?? 0);
    const { byStatus } = await inLoadProcess({ url, body: bodyFile, headers, clients: CLIENTS, seconds });
    const times = byStatus["200"] ?? [];
    return {
      format: subject.name,
      "cold start ms": Math.round(startMs),
      [`RSS MB after ${WARM_REQUESTS}`]: rss,
      "RSS MB after load": await residentMegabytes(child.pid ?? 0),
      "requests/s": Math.round(times.length / seconds),
      "p50 ms": quantile(times, 0.5),
      "p99 ms": quantile(times, 0.99),
      failed: Object.entries(byStatus).reduce(
        (sum, [status, list]) => sum + (status === "200" ? 0 : list.length),
        0,
      ),
    };
  } finally {
    child.kill("SIGKILL");
  }
}

async function measureOverload(bundle: string, bodyFile: string, seconds: number): Promise<object[]> {
  const rows = 4_000;
  const input = { name: "x", datatype: "FP32", shape: [rows, 11] };
  const head = Buffer.from(JSON.stringify({ parameters: { binary_data_output: true }, inputs: [input] }));
  await writeFile(bodyFile, Buffer.concat([head, Buffer.alloc(rows * 11 * 4)]));
  const { child, url } = await startServer(
    bundle,
    join(root, "examples/models/bike-rentals"),
    "bike-rentals",
  );
  try {
    const headers = { "inference-header-content-length": String(head.length) };
    const load = inLoadProcess({ url, body: bodyFile, headers, clients: OVERLOAD_CLIENTS, seconds });
    let isRunning = true;
    void load.finally(() => (isRunning = false));
    const agent = new Agent({ keepAlive: true });
    const health: number[] = [];
    const healthUrl = new URL("/v2/health/ready", url).href;
    while (isRunning) {
      const started = performance.now();
      await send(agent, healthUrl, {});
      health.push(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, HEALTH_INTERVAL_MS));
    }
    agent.destroy();
    health.sort((a, b) => a - b);
    const { byStatus } = await load;
    return [...Object.entries(byStatus), ["health", health] as const].map(([answer, times]) => ({
      answer,
      count: times.length,
      "p50 ms": quantile(times, 0.5),
      "p99 ms": quantile(times, 0.99),
    }));
  } finally {
    child.kill("SIGKILL");
  }
}

async function main(seconds: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "model-server-bench-"));
  try {
    const bundle = join(directory, "model-server.js");
    const { entryPoints, external, ...options } = MODEL_SERVER_BUNDLE;
    await build({ ...options, entryPoints: [...entryPoints], external: [...external], outfile: bundle });
    await writeFile(join(directory, "package.json"), '{"type":"module"}');
    await symlink(join(root, "node_modules"), join(directory, "node_modules"));
    const bodyFile = join(directory, "body");
    const table: object[] = [];
    for (const subject of await subjects(directory)) {
      table.push(await measureFormat(bundle, subject, bodyFile, seconds));
    }
    console.log(`${CLIENTS} clients in another process, ${seconds} s, one row as JSON`);
    console.table(table);
    console.log(`XGBoost, ${OVERLOAD_CLIENTS} clients with tables of 4,000 rows, ${seconds} s`);
    console.table(await measureOverload(bundle, bodyFile, seconds));
  } finally {
    await rm(directory, { recursive: true });
  }
}

if (process.argv[2] === "load") {
  const load: Load = JSON.parse(process.argv[3] ?? "");
  process.stdout.write(JSON.stringify(await generate(load)));
} else {
  await main(Math.min(MAX_SECONDS, Number(process.argv[2] ?? 3)));
}
