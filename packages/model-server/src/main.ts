/** Entry of the bundle in model images: `node model-server.js`. */
import { runModelServer } from "./program.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());
process.exitCode = await runModelServer({
  args: process.argv.slice(2),
  env: process.env,
  signal: stop.signal,
  stdout: process.stdout,
  stderr: process.stderr,
});
