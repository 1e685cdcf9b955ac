import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

import { runProgram } from "./main.ts";

interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

async function run(...argv: string[]): Promise<Outcome> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const outputs = [text(stdout), text(stderr)] as const;
  const io = { stdin, stdout, stderr, env: {}, cwd: "/", signal: new AbortController().signal };
  const exitCode = await runProgram(argv, io);
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await outputs[0], stderr: await outputs[1] };
}

test.each([
  "",
  "up",
  "down",
  "status",
  "demo",
  "core",
  "edge",
  "token",
  "token create",
  "apiserver",
  "registry",
  "forge",
  "model-server",
  "kustomize",
  "kustomize build",
  "image",
  "image build",
  "image push",
  "image pull",
  "image copy",
  "image inspect",
  "image save",
  "image load",
  "apply",
  "get",
  "logs",
  "wait",
  "delete",
])("ai-edge %s --help shows an example on standard output", async (command) => {
  const outcome = await run(...command.split(" ").filter(Boolean), "--help");
  expect(outcome).toMatchObject({ exitCode: 0, stderr: "" });
  expect(outcome.stdout).toMatch(/^Example/m);
});

test.each([
  ["nosuch", /unknown command 'nosuch'/],
  ["up --bogus", /unknown option '--bogus'/],
  ["up --edges x", /"x" is not a number of edges \(0 to 100\)/],
  ["up --edges 1.5", /"1.5" is not a number of edges/],
  ["core", /required option '--data-dir <dir>' not specified/],
  ["core --data-dir /d --api-port 70000", /"70000" is not a port \(0 to 65535\)/],
  ["token create", /missing required argument 'cluster'/],
  ["token create farm-7 --ttl soon", /--ttl soon is not a duration from 1s to 30d/],
  ["token create Bad_Name", /cluster name "Bad_Name"/],
  ["forge --data-dir /d --listen nonsense", /"nonsense" is not HOST:PORT/],
  ["demo --output xml", /'xml' is invalid. Allowed choices are text, json/],
  ["get", /give a resource type/],
  ["get pods --bogus", /--bogus/],
  ["logs", /POD/],
  ["wait pods/x", /--for/],
  ["apply", /-f/],
  ["delete", /-f|TYPE/],
  ["kustomize", /build/],
  ["kustomize nosuch", /nosuch/],
  ["kustomize build . --bogus", /--bogus/],
  ["image", /build/],
  ["image nosuch", /nosuch/],
  ["image build --bogus .", /--bogus/],
  ["image build .", /-t|tag/],
  ["model-server", /--model-/],
  ["model-server --bogus", /--bogus/],
])("wrong usage: ai-edge %s", async (command, expected) => {
  const outcome = await run(...command.split(" "));
  expect(outcome).toMatchObject({ exitCode: 2, stdout: "" });
  expect(outcome.stderr).toMatch(expected);
  // The error is one line; at most a pointer to the usage follows.
  expect(outcome.stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
});
