import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../bin/ai-edge.js", import.meta.url));
const TEST_TIMEOUT_MS = 60_000;

let root: string;
const taken = createServer();
let takenPort: number;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "ai-edge-bad-input-"));
  await writeFile(join(root, "file"), "");
  await mkdir(join(root, "no-programs"));
  await settings("newer", { version: 99, role: "core", name: "core" });
  await settings("site", { version: 1, role: "edge", name: "farm-7" });
  await settings("damaged", "{");
  await settings("in-use", { version: 1, role: "core", name: "core" });
  await writeFile(join(root, "in-use", "pid"), `${process.pid}\n`);
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  takenPort = (taken.address() as AddressInfo).port;
});
afterAll(async () => {
  taken.close();
  await rm(root, { recursive: true, force: true });
});

async function settings(name: string, content: unknown): Promise<void> {
  await mkdir(join(root, name), { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content);
  await writeFile(join(root, name, "settings.json"), text);
}

interface Outcome {
  exitCode: number | null;
  /** What it says to its user: the log's lines are JSON. */
  said: string[];
}

/** Runs the program as a user does; `$D` is the test's directory, `$PORT` a port that is taken. */
async function run(line: string, options: { stdin?: string; path?: string } = {}): Promise<Outcome> {
  const args = line.replaceAll("$D", root).replaceAll("$PORT", String(takenPort)).split(" ");
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, PATH: options.path ?? process.env["PATH"] },
    stdio: ["pipe", "ignore", "pipe"],
  });
  child.stdin.on("error", () => undefined).end(options.stdin ?? "");
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [exitCode] = await once(child, "close");
  const said = stderr.split("\n").filter((text) => text !== "" && !text.startsWith("{"));
  return { exitCode, said };
}

test.each([
  ["core --data-dir $D/file", 1, /\/file is a file, not a directory: choose another with --data-dir/],
  ["core --data-dir $D/file/below", 1, /is a file, not a directory/],
  ["core --data-dir $D/newer", 1, /was written by a newer ai-edge \(layout 99, this one knows 1\)/],
  ["core --data-dir $D/site", 1, /belongs to edge "farm-7", not to a process of role core/],
  ["core --data-dir $D/damaged", 1, /settings\.json is not what ai-edge writes/],
  ["core --data-dir $D/in-use", 1, /is in use by process \d+: stop it first/],
  ["core --data-dir $D/core --api-port $PORT", 1, /127\.0\.0\.1:\d+: the port is taken|already in use/],
  ["core --data-dir $D/core --host 0.0.0.0", 1, /listen on loopback only/],
  ["registry --data-dir $D/file", 1, /is a file, not a directory/],
  ["registry --data-dir $D/registry --listen 127.0.0.1:$PORT", 1, /127\.0\.0\.1:\d+.*(taken|in use)/],
  ["forge --data-dir $D/forge --listen 127.0.0.1:$PORT", 1, /127\.0\.0\.1:\d+.*(taken|in use)/],
  ["apiserver --data-dir $D/file", 1, /is a file, not a directory/],
  ["apiserver --data-dir $D/api --listen 127.0.0.1:$PORT", 1, /127\.0\.0\.1:\d+.*(taken|in use)/],
  ["up --data-dir $D/file", 1, /is a file, not a directory/],
  ["up --detach --data-dir $D/newer", 1, /was written by a newer ai-edge/],
  ["get pods --kubeconfig $D/none", 1, /cannot read kubeconfig .*none/],
  ["status --data-dir $D/none", 1, /nothing runs in .*none: start it with "ai-edge up/],
  ["token create farm-7 --data-dir $D/none", 1, /there is no core in .*none/],
  ["edge --data-dir $D/edge", 2, /has not joined a core yet: give --join TOKEN/],
  ["edge --data-dir $D/edge --join garbage", 2, /not a join token: it should start with "aiedge1\."/],
  ["edge --data-dir $D/edge --name farm-7 --join garbage", 2, /not a join token/],
  ["edge --data-dir $D/edge --join -", 2, /--join - expects a join token on standard input/],
])("ai-edge %s: one line", { timeout: TEST_TIMEOUT_MS }, async (line, exitCode, expected) => {
  const outcome = await run(line);
  expect(outcome).toEqual({ exitCode, said: [expect.stringMatching(expected)] });
});

test.runIf(process.platform === "linux")("a directory that no file system takes", async () => {
  // Node's own recursive mkdir never ends here.
  const outcome = await run("core --data-dir /proc/ai-edge");
  expect(outcome).toEqual({ exitCode: 1, said: [expect.stringMatching(/\/proc\/ai-edge/)] });
});

test.each([
  "core --data-dir $D/no-git",
  "forge --data-dir $D/no-git-forge --listen 127.0.0.1:0",
  "up --data-dir $D/no-git-up --edges 1",
])("git is missing: ai-edge %s", { timeout: TEST_TIMEOUT_MS }, async (line) => {
  const outcome = await run(line, { path: join(root, "no-programs") });
  expect(outcome).toEqual({
    exitCode: 1,
    said: [
      "ai-edge: git was not found on PATH: install git (Debian, Ubuntu: apt-get install git; Fedora: dnf install git)",
    ],
  });
});

describe("join tokens at a running core", () => {
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const ports = ["--api-port", "0", "--registry-port", "0", "--forge-port", "0", "--metrics-port", "0"];
    const core = spawn(process.execPath, [PROGRAM, "core", "--data-dir", join(root, "hub"), ...ports], {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    core.stderr?.resume();
    stop = async () => {
      core.kill("SIGTERM");
      await once(core, "close");
    };
    await once(core, "message");
  }, TEST_TIMEOUT_MS);
  afterAll(() => stop?.());

  async function token(cluster: string, ttl: string): Promise<string> {
    const child = spawn(process.execPath, [
      PROGRAM,
      "token",
      "create",
      cluster,
      "--ttl",
      ttl,
      "--data-dir",
      join(root, "hub"),
    ]);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    await once(child, "close");
    return output;
  }

  test(
    "for another name, late, and twice: refused with the reason",
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const other = await run("edge --name barn-1 --data-dir $D/barn-1 --join -", {
        stdin: await token("farm-1", "1h"),
      });
      expect(other).toEqual({ exitCode: 1, said: [expect.stringMatching(/token is for .*farm-1.*barn-1/)] });

      const short = await token("farm-2", "1s");
      const expiry = Date.now() + 1000;
      await expect.poll(() => Date.now(), { timeout: 5000 }).toBeGreaterThan(expiry);
      const late = await run("edge --data-dir $D/farm-2 --join -", { stdin: short });
      expect(late).toEqual({ exitCode: 1, said: [expect.stringMatching(/it expired at .*make a new one/)] });

      const single = await token("farm-3", "1h");
      const first = spawn(
        process.execPath,
        [PROGRAM, "edge", "--data-dir", join(root, "farm-3"), "--api-port", "0", "--join", "-"],
        {
          stdio: ["pipe", "ignore", "ignore", "ipc"],
        },
      );
      first.stdin?.end(single);
      await once(first, "message");
      const second = await run("edge --data-dir $D/farm-3-again --join -", { stdin: single });
      first.kill("SIGTERM");
      await once(first, "close");
      expect(second).toEqual({ exitCode: 1, said: [expect.stringMatching(/used/)] });
      expect(existsSync(join(root, "farm-3", "pki", "hub-kubeconfig"))).toBe(true);
    },
  );
});
