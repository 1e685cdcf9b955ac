import { pino, type Logger } from "pino";

import type { ProgramIO } from "./program-io.ts";

/** Paths that could hold a secret, whatever component logs them (DESIGN.md rule 7.8). */
const REDACTED = [
  "token",
  "password",
  "authorization",
  "*.token",
  "*.password",
  "*.authorization",
  "headers.authorization",
];

/** JSON lines on standard error: standard output belongs to data. `AI_EDGE_LOG_LEVEL` sets the level. */
export function programLogger(name: string, io: ProgramIO): Logger {
  return pino({ name, level: io.env["AI_EDGE_LOG_LEVEL"] ?? "info", redact: REDACTED }, io.stderr);
}
