import { createServer } from "node:net";

import { describe, expect, test } from "vitest";

import { formatListenAddress, isFree, listenAtUsualPort, parseListenAddress } from "./listen-address.ts";

describe("listen address", () => {
  test.each([
    { text: "127.0.0.1:6443", host: "127.0.0.1", port: 6443 },
    { text: "[::1]:0", host: "::1", port: 0 },
    { text: ":8080", host: "127.0.0.1", port: 8080 },
    { text: "localhost:65535", host: "localhost", port: 65_535 },
  ])("$text", ({ text, host, port }) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
    expect(parseListenAddress(formatListenAddress({ host, port }))).toEqual({ host, port });
  });

  test.each(["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "a:b"])(
    "refuses %j",
    (text) => {
      expect(() => parseListenAddress(text)).toThrow(/is not HOST:PORT/);
    },
  );

  test("takes the usual port, any free one when it is taken, and a fixed one above all", async () => {
    const host = "127.0.0.1";
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, host, resolve));
    const address = taken.address();
    const usual = typeof address === "object" && address !== null ? address.port : 0;
    const start = async (listen: { host: string; port: number }) => listen;
    expect(await isFree({ host, port: usual })).toBe(false);
    expect(await listenAtUsualPort({ host, usual, fixed: undefined }, start)).toEqual({ host, port: 0 });
    expect(await listenAtUsualPort({ host, usual, fixed: 4711 }, start)).toEqual({ host, port: 4711 });
    await new Promise((resolve) => taken.close(resolve));
    expect(await listenAtUsualPort({ host, usual, fixed: undefined }, start)).toEqual({ host, port: usual });
  });

  test("takes any free port when another process was faster to the usual one", async () => {
    const faster = createServer();
    const usual = 42_817;
    const start = async ({ host, port }: { host: string; port: number }) => {
      if (port !== usual) return port;
      await new Promise<void>((resolve) => faster.listen(port, host, resolve));
      throw new Error("the port is taken");
    };
    expect(await listenAtUsualPort({ host: "127.0.0.1", usual, fixed: undefined }, start)).toBe(0);
    await new Promise((resolve) => faster.close(resolve));
  });
});
