import { readFileSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import { dirname, join } from "node:path";
import { execFileSync } from "node:child_process";

import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { parseListening } from "./pod-network.ts";
import { createProcessRuntime, toHostPath } from "./process-runtime.ts";
import { createRuncRuntime } from "./runc-runtime.ts";
import type { ContainerRuntime, ContainerSpec, LocalImage, RunningContainer } from "./runtime.ts";

let directory: string;
let image: LocalImage;
beforeEach(async () => {
  directory = await mkdtemp(join(os.tmpdir(), "runtime-"));
  const rootfs = join(directory, "image/rootfs");
  await mkdir(join(rootfs, "app"), { recursive: true });
  await writeFile(join(rootfs, "app/data"), "from the image");
  image = {
    reference: "example.com/app:1",
    imageID: "",
    rootfs,
    config: {
      os: "linux",
      architecture: "amd64",
      rootfs: { type: "layers", diff_ids: [] },
      config: { Labels: { "aiedge.dev/runtime": "process" } },
    },
  };
});
afterEach(async () => await rm(directory, { recursive: true, force: true }));

interface TestSpec extends ContainerSpec {
  /** What came on stdout so far. */
  text: () => string;
  errors: () => string;
}

function spec(argv: string[], more: Partial<ContainerSpec> = {}): TestSpec {
  const id = "c1";
  const written = { stdout: "", stderr: "" };
  return {
    id,
    podName: "pod",
    image,
    argv,
    env: {},
    workingDir: undefined,
    mounts: [],
    podIP: "127.78.0.5",
    directory: join(directory, "containers", id),
    output: (stream, chunk) => {
      written[stream] += chunk.toString();
    },
    text: () => written.stdout,
    errors: () => written.stderr,
    ...more,
  };
}

/** A zombie has ended; it waits for a parent that may never ask. */
const alive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

describe("the process runtime", () => {
  const create = (): ContainerRuntime =>
    createProcessRuntime({ env: process.env, nodePath: process.execPath, nodeArguments: [] });

  it("runs with the image's paths, and ends with the whole group", async () => {
    const program =
      'const c=require("child_process").spawn("sleep",["100"]);console.log(c.pid,require("fs").readFileSync(process.env.DATA,"utf8"));setTimeout(()=>{},1e6)';
    const one = spec(["node", "-e", program], { env: { DATA: "/app/data" } });
    const container = await create().start(one);
    await vi.waitFor(() => expect(one.text()).toContain("from the image"), { timeout: 5000 });
    const grandchild = Number.parseInt(one.text(), 10);
    container.kill("SIGTERM");
    expect(await container.exited).toEqual({ exitCode: 143, signal: 15 });
    await vi.waitFor(() => expect(alive(grandchild)).toBe(false));
  });

  it("ends what a killed agent left behind, but nobody who got its pid later", async () => {
    const left = await create().start(spec(["node", "-e", "setTimeout(()=>{},1e6)"]));
    await create().cleanUp(spec([]).directory);
    expect(await left.exited).toMatchObject({ signal: 9 });
    const other = await create().start(spec(["node", "-e", "setTimeout(()=>{},1e6)"]));
    const record = join(spec([]).directory, "process.json");
    await writeFile(record, JSON.stringify({ pid: other.pid, startTime: "1" }));
    await create().cleanUp(spec([]).directory);
    expect(alive(other.pid)).toBe(true);
    other.kill("SIGKILL");
    await other.exited;
  });

  it("says why a program does not start", async () => {
    await expect(create().start(spec(["/no/such/program"]))).rejects.toThrow(
      "/no/such/program cannot be started",
    );
    expect(await create().refuses({ ...image, config: { ...image.config, config: {} } })).toContain(
      "does not declare the process runtime",
    );
  });

  it.each([
    ["/app/data", "image/rootfs/app/data"],
    ["/mnt/in/x", "volume/x"],
    ["/mnt/in", "volume"],
    ["/mnt/../mnt/in/x", "volume/x"],
    ["/not/there", undefined],
    ["--flag=/app/data", undefined],
    ["/app/../../../etc/hostname", undefined],
  ])("maps %s", (value, want) => {
    const mounts = [{ source: join(directory, "volume"), target: "/mnt/in", readOnly: true }];
    expect(toHostPath(value, { mounts, image })).toBe(want === undefined ? value : join(directory, want));
  });
});

const runcWorks =
  process.getuid?.() === 0 && tryRun("runc", ["--version"]) && tryRun("nsenter", ["--version"]);

function tryRun(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!runcWorks)("the runc runtime (needs root and runc)", () => {
  let runtime: ContainerRuntime;
  let started: RunningContainer[];
  beforeEach(async () => {
    started = [];
    runtime = await createRuncRuntime({
      stateDir: join(directory, "state"),
      nodePath: process.execPath,
      logger: pino({ level: "silent" }),
    });
    await addProgram("/bin/sh");
    await addProgram("/bin/cat");
    await addProgram("/bin/sleep");
    await addProgram("/usr/bin/id");
  });
  afterEach(async () => {
    for (const container of started) {
      container.kill("SIGKILL");
      await container.exited;
    }
  });

  /** A program of this machine with its libraries. */
  async function addProgram(file: string): Promise<void> {
    const libraries = execFileSync("ldd", [file])
      .toString()
      .matchAll(/(\/\S+) \(0x/g);
    for (const name of [file, ...[...libraries].map((match) => match[1] ?? "")]) {
      await mkdir(dirname(join(image.rootfs, name)), { recursive: true });
      await copyFile(name, join(image.rootfs, name));
    }
  }

  async function start(one: ContainerSpec): Promise<RunningContainer> {
    const container = await runtime.start(one);
    started.push(container);
    return container;
  }

  it("gives a container its own files, user, host name and mounts, and leaves the image alone", async () => {
    await mkdir(join(directory, "volume"));
    await writeFile(join(directory, "volume/x"), "mounted");
    image.config.config = { User: "1234:56" };
    const one = spec(
      [
        "/bin/sh",
        "-c",
        "cat /app/data /mnt/x /etc/hosts; id -u; id -g; echo $$; echo $GREETING; echo changed > /mnt/x; exit 3",
      ],
      {
        env: { GREETING: "hello" },
        mounts: [{ source: join(directory, "volume"), target: "/mnt", readOnly: true }],
      },
    );
    expect(await (await start(one)).exited).toEqual({ exitCode: 3, signal: undefined });
    expect(one.text()).toContain("from the imagemounted127.0.0.1 localhost\n");
    expect(one.text()).toContain("127.78.0.5 pod\n1234\n56\n1\nhello\n");
    expect(one.errors()).toContain("Read-only file system");
    const writer = await start(
      spec(["/bin/sh", "-c", "echo mine > /app/data; echo mine > /new"], { id: "c2" }),
    );
    await writer.exited;
    expect(await readFile(join(image.rootfs, "app/data"), "utf8")).toBe("from the image");
  });

  it("answers at the pod's address, beside another with the same port", async () => {
    await addProgram(process.execPath);
    const serve = (name: string): string[] => [
      process.execPath,
      "-e",
      `require("http").createServer((q,s)=>s.end("${name}")).listen(8080,"0.0.0.0")`,
    ];
    await start(spec(serve("one")));
    await start(
      spec(serve("two"), { id: "c2", podIP: "127.78.0.6", directory: join(directory, "containers/c2") }),
    );
    const answers = async (): Promise<string[]> =>
      await Promise.all(
        ["127.78.0.5", "127.78.0.6"].map(async (ip) => await (await fetch(`http://${ip}:8080`)).text()),
      );
    await vi.waitFor(async () => expect(await answers()).toEqual(["one", "two"]), { timeout: 8000 });
  });

  it("runs commands inside, signals, and cleans up after a killed agent", async () => {
    const container = await start(
      spec(["/bin/sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.05; done"]),
    );
    expect(await container.exec(["/bin/cat", "/app/data"], 5000)).toEqual({
      exitCode: 0,
      output: "from the image",
    });
    expect(await container.exec(["/bin/sh", "-c", "exit 4"], 5000)).toMatchObject({ exitCode: 4 });
    container.kill("SIGTERM");
    expect(await container.exited).toEqual({ exitCode: 0, signal: undefined });
    const left = await start(spec(["/bin/sleep", "1000"]));
    const restarted = await createRuncRuntime({
      stateDir: join(directory, "state"),
      nodePath: process.execPath,
      logger: pino({ level: "silent" }),
    });
    await restarted.cleanUp(spec([]).directory);
    await left.exited;
    await vi.waitFor(() => expect(alive(left.pid)).toBe(false));
  });

  it("says why a container does not start", async () => {
    await expect(runtime.start(spec(["/no/such/program"]))).rejects.toThrow("no such file or directory");
    const missing = await createRuncRuntime({
      binary: "no-such-runc",
      stateDir: directory,
      nodePath: "",
      logger: pino({ level: "silent" }),
    });
    expect(await missing.refuses(image)).toBe(
      "no-such-runc is not installed: install the package no-such-runc",
    );
  });
});

it("reads listening ports out of a socket table", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 00000000000000000000000000000000:2383 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 0`;
  expect(parseListening(table)).toEqual([8080, 9091]);
});
