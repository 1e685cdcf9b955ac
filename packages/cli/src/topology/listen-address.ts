import { createServer } from "node:net";

import { UsageError } from "../user-error.ts";

export interface ListenAddress {
  host: string;
  /** 0 = any free port. */
  port: number;
}

/** Parses `HOST:PORT`, `[V6]:PORT` or `:PORT` (loopback). */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:]*)):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.["port"]);
  if (match === null || port > 65_535) {
    throw new UsageError(
      `"${text}" is not HOST:PORT (for example 127.0.0.1:6443; port 0 means any free one)`,
    );
  }
  return { host: match.groups?.["v6"] ?? (match.groups?.["host"] || "127.0.0.1"), port };
}

/** What `--listen` asks for, or, without it, the usual port on loopback with any free one in its place. */
export function listenChoice(
  listen: string | undefined,
  usual: number,
): Parameters<typeof listenAtUsualPort>[0] {
  const asked = listen === undefined ? undefined : parseListenAddress(listen);
  return { host: asked?.host ?? "127.0.0.1", usual, fixed: asked?.port };
}

/** Formats an address for a URL. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True if a listener can be opened at the address now. */
export async function isFree({ host, port }: ListenAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/**
 * Starts a server at the usual port if that is free, otherwise at any. A port chosen earlier for the same data
 * directory, or asked for, is taken or refused: addresses are written into Git and into image references, so they must
 * not move between starts.
 */
export async function listenAtUsualPort<T>(
  choice: { host: string; usual: number; fixed: number | undefined },
  start: (listen: ListenAddress) => Promise<T>,
): Promise<T> {
  const { host, usual, fixed } = choice;
  if (fixed !== undefined) return start({ host, port: fixed });
  if (!(await isFree({ host, port: usual }))) return start({ host, port: 0 });
  try {
    return await start({ host, port: usual });
  } catch (error) {
    // Another process was faster; any other trouble comes again at the free port.
    if (await isFree({ host, port: usual })) throw error;
    return start({ host, port: 0 });
  }
}
