import { createHash } from "node:crypto";
import { open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

// A namespace import, so that a bundle has only what is used: `z` carries every language's messages.
import * as z from "zod";

import { explainSystemError, UserError } from "../user-error.ts";
import { makeDirectory } from "./make-directory.ts";

/** Layout version of a data directory; a newer one is refused, never guessed at. */
const LAYOUT_VERSION = 1;

/** Where the klusterlet keeps its hub credentials: an edge that has them needs no token. */
export const HUB_CREDENTIALS = join("pki", "hub-kubeconfig");

/** What a process must find again at its next start, so that addresses written into Git stay true. */
const settingsSchema = z.object({
  version: z.number().int(),
  role: z.enum(["topology", "core", "edge"]),
  name: z.string(),
  ports: z.record(z.string(), z.number().int().min(1).max(65_535)).default({}),
  networkBlock: z.number().int().nonnegative().optional(),
});

export type ProcessSettings = z.infer<typeof settingsSchema>;

/** The data directory of one process, locked for as long as the process lives. */
export interface DataDirectory {
  readonly path: string;
  readonly settings: ProcessSettings;
  /** Writes the settings durably. */
  save(settings: ProcessSettings): Promise<void>;
  release(): Promise<void>;
}

/**
 * Opens or creates a data directory and takes its lock.
 * @throws UserError if it is not writable, in use by a live process, of another role, or written by a newer version
 */
export async function openDataDirectory(
  path: string,
  role: ProcessSettings["role"],
  name: string,
): Promise<DataDirectory> {
  const directory = resolve(path);
  try {
    await makeDirectory(directory);
    await takeLock(directory);
  } catch (error) {
    throw explainSystemError(error, { path: directory }) ?? error;
  }
  const settings = (await readSettings(directory)) ?? { version: LAYOUT_VERSION, role, name, ports: {} };
  if (settings.version > LAYOUT_VERSION) {
    throw new UserError(
      `${directory} was written by a newer ai-edge (layout ${settings.version}, this one knows ${LAYOUT_VERSION}): use that version, or another --data-dir`,
    );
  }
  if (settings.role !== role) {
    throw new UserError(
      `${directory} belongs to ${settings.role} "${settings.name}", not to a process of role ${role}: choose another --data-dir`,
    );
  }
  return {
    path: directory,
    settings,
    save: (next) => writeFileDurably(join(directory, "settings.json"), `${JSON.stringify(next, null, 2)}\n`),
    release: () => rm(join(directory, "pid"), { force: true }),
  };
}

/** The pid in a data directory's lock if that process is alive. */
export async function runningProcess(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, "pid"), "utf8").catch(() => "");
  const [pidText, startTime] = text.trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  const alive = await startTimeOf(pid);
  // A recycled pid has another start time: the lock is stale.
  return alive !== undefined && (startTime === undefined || alive === startTime) ? pid : undefined;
}

/** Replaces a file so that a crash leaves the old or the new one, never half of it. */
export async function writeFileDurably(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, "w", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const parent = await open(dirname(path));
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

/** A stable number for a path, to spread data directories over loopback blocks. */
export function hashOfPath(path: string): number {
  return createHash("sha256").update(resolve(path)).digest().readUInt32BE(0);
}

async function readSettings(directory: string): Promise<ProcessSettings | undefined> {
  const file = join(directory, "settings.json");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = settingsSchema.safeParse(parseJson(text));
  if (!parsed.success)
    throw new UserError(`${file} is not what ai-edge writes: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function takeLock(directory: string): Promise<void> {
  const owner = await runningProcess(directory);
  if (owner !== undefined && owner !== process.pid) {
    throw new UserError(
      `${directory} is in use by process ${owner}: stop it first (ai-edge down --data-dir …), or choose another --data-dir`,
    );
  }
  const startTime = await startTimeOf(process.pid);
  await writeFile(join(directory, "pid"), `${process.pid} ${startTime ?? ""}\n`, { mode: 0o600 });
}

/** Start time of a live process in clock ticks (field 22 of /proc/PID/stat), "" where there is no /proc; undefined if it is gone. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    try {
      process.kill(pid, 0);
      return "";
    } catch {
      return undefined;
    }
  }
}
