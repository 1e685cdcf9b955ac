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
 * The usual port if it is free, otherwise 0 (any). A port chosen earlier for the same data directory wins: addresses
 * are written into Git and into image references, so they must not move between starts.
 */
export async function chooseListenAddress(options: {
  host: string;
  usual: number;
  remembered?: number | undefined;
}): Promise<ListenAddress> {
  const { host, usual, remembered } = options;
  if (remembered !== undefined) return { host, port: remembered };
  return { host, port: (await isFree({ host, port: usual })) ? usual : 0 };
}
