import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeWriteRequest, encodeWriteRequest, WireError } from "./protobuf.ts";
import { snappyCompress, snappyDecompress } from "./snappy.ts";

const LIMIT = 1 << 20;

describe("snappy", () => {
  it("keeps every buffer", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom("a", "abcd", 'label="x"').map((t) => Buffer.from(t.repeat(40))),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const input = Buffer.concat(pieces);
        expect(snappyDecompress(snappyCompress(input), LIMIT).equals(input)).toBe(true);
      }),
    );
  });

  it("keeps more than 64 KiB and really compresses", () => {
    const input = Buffer.from(Array.from({ length: 20_000 }, (_, i) => `series_${i % 97}{le="${i}"}`).join());
    const compressed = snappyCompress(input);
    expect(compressed.length).toBeLessThan(input.length / 2);
    expect(snappyDecompress(compressed, LIMIT).equals(input)).toBe(true);
  });

  it.each([
    [
      "a block of the format description: literal and overlapping copy",
      [11, 0x00, 0x78, 0x26, 0x01, 0x00],
      "xxxxxxxxxxx",
    ],
    ["literals only", [3, 0x08, 0x61, 0x62, 0x63], "abc"],
    ["a one-byte offset", [8, 0x0c, 0x61, 0x62, 0x63, 0x64, 0x01, 0x04], "abcdabcd"],
    ["nothing", [0], ""],
  ])("reads %s", (_, bytes, text) => {
    expect(snappyDecompress(Buffer.from(bytes), LIMIT).toString()).toBe(text);
  });

  it.each([
    ["a bomb", [0xff, 0xff, 0xff, 0xff, 0x0f], /are more than/],
    ["no length", [0x80], /no length/],
    ["a copy from before the start", [4, 0x01, 0x04], /outside/],
    ["a copy from nowhere", [5, 0x00, 0x61, 0x01, 0x00], /outside/],
    ["less than it says", [4, 0x00, 0x61], /shorter/],
    ["a literal cut short", [4, 0x0c, 0x61], /cut short/],
    ["more than it says", [1, 0x04, 0x61, 0x62], /longer/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => snappyDecompress(Buffer.from(bytes), LIMIT)).toThrow(message);
  });

  it("answers any bytes with a buffer or a WireError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          snappyDecompress(Buffer.from(bytes), LIMIT);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("write request", () => {
  it("has the bytes that the protocol buffer definition gives", () => {
    const bytes = encodeWriteRequest([
      { labels: { __name__: "up", a: "b" }, samples: [{ timestamp: 1_000, value: 1 }] },
    ]);
    expect(bytes.toString("hex")).toBe(
      [
        "0a26",
        "0a0e0a085f5f6e616d655f5f12027570",
        "0a060a0161120162",
        "120c",
        "09000000000000f03f",
        "10e807",
      ].join(""),
    );
  });

  it("keeps series and samples, staleness and NaN apart", () => {
    const text = fc.string({ minLength: 1, unit: "grapheme" });
    const sample = fc.record({ timestamp: fc.nat(4e12), value: fc.option(fc.double()) });
    const series = fc.record({ labels: fc.dictionary(text, text), samples: fc.array(sample) });
    fc.assert(
      fc.property(fc.array(series), (all) => {
        expect(decodeWriteRequest(encodeWriteRequest(all))).toEqual(
          all.map((one) => ({ ...one, labels: { ...one.labels } })),
        );
      }),
    );
  });

  it("skips fields that it does not know", () => {
    const metadata = Buffer.from([0x1a, 0x02, 0x08, 0x01]);
    const known = encodeWriteRequest([{ labels: { __name__: "up" }, samples: [] }]);
    expect(decodeWriteRequest(Buffer.concat([metadata, known]))).toEqual([
      { labels: { __name__: "up" }, samples: [] },
    ]);
  });

  it("answers any bytes with series or a WireError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeWriteRequest(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
