import type { ProgramIO } from "../program-io.ts";
import type { ReadyMessage } from "../topology/supervised-process.ts";

/** Tells a supervising parent, or the person at the terminal, that a role is up and where. */
export function announceReady(endpoints: Record<string, string>, io: ProgramIO): void {
  const message: ReadyMessage = { type: "ready", endpoints };
  if (process.send !== undefined) {
    process.send(message);
    // A supervisor that is gone must not keep this process from ending, nor end it.
    process.channel?.unref();
    return;
  }
  io.stderr.write(
    `ready: ${Object.entries(endpoints)
      .map(([name, url]) => `${name} ${url}`)
      .join(", ")}\n`,
  );
}
