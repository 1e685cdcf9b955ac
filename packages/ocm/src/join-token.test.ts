import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JoinTokenError, formatJoinToken, parseJoinToken } from "./join-token.ts";

const token = {
  server: "https://127.0.0.1:6443",
  caCertificate: "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
  cluster: "edge-1",
  bootstrapToken: "abcdef.0123456789abcdef",
  expires: "2026-01-02T00:00:00Z",
};

describe("join token", () => {
  it("comes back as it was made, also with white space around", () => {
    expect(parseJoinToken(` ${formatJoinToken(token)}\n`)).toEqual(token);
  });

  it.each([
    ["", "not a join token"],
    ["abcdef.0123456789abcdef", "not a join token"],
    [formatJoinToken(token).slice(0, 60), "damaged (was it copied whole?)"],
    [formatJoinToken({ ...token, cluster: "" }), "it has no cluster"],
    [formatJoinToken({ ...token, server: "here" }), "the hub's address is not a URL"],
  ])("%j is refused", (text, message) => {
    expect(() => parseJoinToken(text)).toThrow(message);
  });

  it("anything else is refused without being repeated in the message", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (text) => {
        try {
          parseJoinToken(`aiedge1.${text}`);
          expect.unreachable();
        } catch (error) {
          expect(error).toBeInstanceOf(JoinTokenError);
          expect(String(error)).not.toContain(text);
        }
      }),
    );
  });
});
