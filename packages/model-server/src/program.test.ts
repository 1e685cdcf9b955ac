import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { modelServerImageFiles, MODEL_SERVER_BUNDLE } from "./image.ts";
import { readSettings, UsageError } from "./settings.ts";

const EXAMPLES = fileURLToPath(new URL("../../../examples/models/", import.meta.url));
const NODE_MODULES = fileURLToPath(new URL("../../../node_modules", import.meta.url));

describe("readSettings", () => {
  const base = { host: "127.0.0.1", httpPort: 8080, metricsPort: 8082 };
  it.each<[string, string[], Record<string, string>, object]>([
    [
      "flags",
      [
        "--model-dir",
        "/m",
        "--model-name",
        "n",
        "--http-port",
        "1",
        "--metrics-port",
        "0",
        "--grpc-port",
        "8081",
      ],
      {},
      { modelDir: "/m", modelName: "n", host: "127.0.0.1", httpPort: 1, metricsPort: 0 },
    ],
    [
      "the image's environment",
      [],
      { MODEL_NAME: "n", MODEL_DIR: "/models", HOST: "0.0.0.0", REST_PORT: "9" },
      { ...base, modelDir: "/models", modelName: "n", host: "0.0.0.0", httpPort: 9 },
    ],
    [
      "MLServer's environment",
      [],
      { MLSERVER_MODEL_URI: "/mnt/models", MLSERVER_MODEL_NAME: "n", MLSERVER_HTTP_PORT: "5" },
      { ...base, modelDir: "/mnt/models", modelName: "n", httpPort: 5 },
    ],
    [
      "the name of the directory",
      ["--model-dir", "/m/iris"],
      {},
      { ...base, modelDir: "/m/iris", modelName: "iris", nameIsGuess: true },
    ],
    [
      "a name alone",
      ["--model-name", "n"],
      {},
      { ...base, modelDir: join(process.cwd(), "models/n"), modelName: "n" },
    ],
  ])("reads %s", (_, args, env, expected) => {
    expect(readSettings(args, env)).toEqual(expected);
  });

  it.each([
    ["no model", [], /^no model: give --model-dir/],
    ["a bad port", ["--model-dir", "m", "--http-port", "http"], /^--http-port: "http" is not a port/],
    ["a stranger", ["--modeldir", "m"], /Unknown option/],
  ])("refuses %s", (_, args, message) => {
    expect(() => readSettings(args, {})).toThrow(UsageError);
    expect(() => readSettings(args, {})).toThrow(message);
  });
});

describe("the bundle of model images", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "model-server-bundle-"));
    const { entryPoints, external, ...options } = MODEL_SERVER_BUNDLE;
    await build({
      ...options,
      entryPoints: [...entryPoints],
      external: [...external],
      outfile: join(directory, "model-server.js"),
    });
    await writeFile(join(directory, "package.json"), '{"type":"module"}');
  });
  const children: ChildProcess[] = [];
  afterAll(async () => {
    // A test that failed has not stopped its server.
    for (const child of children) child.kill("SIGKILL");
    await rm(directory, { recursive: true });
  });

  function run(env: Record<string, string>): {
    pid: number | undefined;
    output: () => string;
    exit: Promise<number | null>;
    stop(): void;
  } {
    const child = spawn(process.execPath, [join(directory, "model-server.js")], { env, stdio: "pipe" });
    children.push(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += String(chunk)));
    const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
    return { pid: child.pid, output: () => text, exit, stop: () => child.kill("SIGTERM") };
  }

  it("serves, and ends with 0 on SIGTERM", async () => {
    const server = run({
      MODEL_NAME: "bike-rentals",
      MODEL_DIR: EXAMPLES,
      REST_PORT: "0",
      METRICS_PORT: "0",
    });
    await vi.waitFor(() => expect(server.output()).toContain("model ready"), 10_000);
    const url = /"url":"(http:[^"]+)"/.exec(server.output())?.[1];
    const body = await readFile(join(EXAMPLES, "bike-rentals/golden/data.json"), "utf8");
    const answer = await fetch(`${url}/v2/models/bike-rentals/infer`, { method: "POST", body });
    expect(answer.status).toBe(200);
    server.stop();
    expect(await server.exit).toBe(0);
    for (const line of server.output().trim().split("\n")) expect(() => JSON.parse(line)).not.toThrow();
    expect(server.output()).not.toContain("0.595651984");
  });

  it.runIf(process.platform === "linux")(
    "keeps to itself: no connection of its own, no file in the home",
    async () => {
      const home = await mkdtemp(join(tmpdir(), "model-server-home-"));
      await symlink(NODE_MODULES, join(directory, "node_modules"));
      const env = {
        HOME: home,
        MODEL_NAME: "digit-reader",
        MODEL_DIR: EXAMPLES,
        REST_PORT: "0",
        METRICS_PORT: "0",
      };
      const server = run(env);
      await vi.waitFor(() => expect(server.output()).toContain("model ready"), 10_000);
      const links = await Promise.all(
        (await readdir(`/proc/${server.pid}/fd`)).map((fd) =>
          readlink(`/proc/${server.pid}/fd/${fd}`).catch(() => ""),
        ),
      );
      const own = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
      const tables = await Promise.all(
        ["tcp", "tcp6", "udp", "udp6"].map((name) => readFile(`/proc/${server.pid}/net/${name}`, "utf8")),
      );
      const sockets = tables.flatMap((table) => table.split("\n").map((line) => line.trim().split(/\s+/)));
      const states = sockets.filter((fields) => own.has(fields[9] ?? "none")).map((fields) => fields[3]);
      // 0A is LISTEN: the two ports that it was told to open.
      expect(states).toEqual(["0A", "0A"]);
      expect(await readdir(home)).toEqual([]);
      server.stop();
      expect(await server.exit).toBe(0);
      await rm(home, { recursive: true });
    },
  );

  it("says in one line what is missing and ends with 1", async () => {
    const server = run({ MODEL_NAME: "m", MODEL_DIR: "/does/not/exist", REST_PORT: "0", METRICS_PORT: "0" });
    expect(await server.exit).toBe(1);
    expect(server.output().trim().split("\n").at(-1)).toMatch(
      /^model-server: model directory \/does\/not\/exist: ENOENT/,
    );
  });

  it("lays only this platform's native files beside it", async () => {
    const files = await modelServerImageFiles(process.platform);
    const native = files.filter(({ target }) => target.includes("/bin/"));
    expect(native.length).toBeGreaterThan(0);
    expect(native.every(({ target }) => target.includes(join(process.platform, process.arch)))).toBe(true);
    for (const { source } of files) expect((await stat(source)).isFile()).toBe(true);
  });
});
