import { createServer } from "node:net";

import { describe, expect, test } from "vitest";

import { chooseListenAddress, formatListenAddress, isFree, parseListenAddress } from "./listen-address.ts";

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

  test("takes the usual port, any free one when it is taken, and the remembered one above all", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const usual = typeof address === "object" && address !== null ? address.port : 0;
    expect(await isFree({ host: "127.0.0.1", port: usual })).toBe(false);
    expect(await chooseListenAddress({ host: "127.0.0.1", usual })).toEqual({ host: "127.0.0.1", port: 0 });
    expect(await chooseListenAddress({ host: "127.0.0.1", usual, remembered: 4711 })).toEqual({
      host: "127.0.0.1",
      port: 4711,
    });
    await new Promise((resolve) => taken.close(resolve));
    expect(await chooseListenAddress({ host: "127.0.0.1", usual })).toEqual({
      host: "127.0.0.1",
      port: usual,
    });
  });
});
