import { pino, stdSerializers, type Logger } from "pino";

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
  const level = io.env["AI_EDGE_LOG_LEVEL"] ?? "info";
  return pino({ name, level, redact: REDACTED, serializers: { err: serializeError } }, io.stderr);
}

/** With the error's own name as its type: pino takes its class's, which a bundle shortens. */
function serializeError(error: Error): unknown {
  return { ...stdSerializers.err(error), type: error.name };
}
