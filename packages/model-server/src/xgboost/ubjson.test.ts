import fc from "fast-check";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ModelLoadError } from "../model.ts";
import { readBooster } from "./booster.ts";
import { parseUbjson } from "./ubjson.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("parseUbjson", () => {
  it.each<[string, string, object]>([
    ["an empty object", "{}", {}],
    [
      "integers",
      "{U\x01ai\xffU\x01bU\xffU\x01cI\x01\x00U\x01dl\xff\xff\xff\xfeU\x01eL\0\0\0\0\0\0\0\x07}",
      { a: -1, b: 255, c: 256, d: -2, e: 7 },
    ],
    ["floats", "{i\x01ad\x3f\xc0\0\0i\x01bD\x3f\xf8\0\0\0\0\0\0}", { a: 1.5, b: 1.5 }],
    [
      "text, character and words",
      "{i\x01aSi\x02hii\x01bCxi\x01cTi\x01dFi\x01eZ}",
      { a: "hi", b: "x", c: true, d: false, e: null },
    ],
    ["a plain list", "{i\x01a[i\x01Ni\x02]}", { a: [1, 2] }],
    ["a counted list", "{i\x01a[#i\x02i\x01Si\x01b}", { a: [1, "b"] }],
    ["a typed list", "{i\x01a[$d#L\0\0\0\0\0\0\0\x02\x3f\xc0\0\0\xbf\xc0\0\0}", { a: [1.5, -1.5] }],
    ["nesting", "{i\x01a{i\x01b[{}]}}", { a: { b: [{}] } }],
  ])("reads %s", (_, text, expected) => {
    expect(parseUbjson(bytes(text))).toEqual(expected);
  });

  it("takes no name for the object's prototype", () => {
    expect(Object.getPrototypeOf(parseUbjson(bytes("{i\x09__proto__{i\x01ai\x01}}")))).toBeNull();
  });

  it.each<[string, string, RegExp]>([
    ["nothing", "", /is cut short: 1 more bytes expected \(byte 0\)/],
    ["a list", "[]", /does not start with an object/],
    ["a cut object", "{i\x01a", /is cut short/],
    ["a long text", "{i\x01aSL\0\0\0\x01\0\0\0\0", /is cut short: 4294967296 more bytes/],
    ["a huge list", "{i\x01a[#L\0\x1f\xff\xff\xff\xff\xff\xff", /a list of 9007199254740991 elements/],
    ["a huge typed list", "{i\x01a[$d#l\x7f\xff\xff\xff", /a list of 2147483647 elements/],
    ["a list of nothings", "{i\x01a[$Z#l\x7f\xff\xff\xff", /list of the type "Z"/],
    ["a negative length", "{i\xffa", /length that is not a count/],
    ["a text as length", "{Si\x01a", /length that is not a count/],
    ["a typed list without length", "{i\x01a[$i\x01]", /typed list without a length/],
    ["an unknown marker", "{i\x01a?}", /unknown marker "\?"/],
    ["deep nesting", `{i\x01a${"[".repeat(100_000)}`, /nested deeper than 32/],
  ])("refuses %s", (_, text, message) => {
    expect(() => parseUbjson(bytes(text))).toThrow(ModelLoadError);
    expect(() => parseUbjson(bytes(text))).toThrow(message);
  });
});

describe("damaged models", () => {
  const recorded: { ubj?: string }[] = JSON.parse(
    readFileSync(new URL("../../testdata/xgboost-answers.json", import.meta.url), "utf8"),
  );
  const models = recorded.flatMap(({ ubj }) => (ubj === undefined ? [] : [Buffer.from(ubj, "base64")]));

  it("are read or refused, at once", () => {
    const row = new Float32Array(1_000_000);
    const parts = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999_999, noNaN: true }), fc.nat(255)), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...models),
        parts,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        (model, changes, part, cut) => {
          const damaged = Buffer.from(cut ? model.subarray(0, Math.floor(part * model.length)) : model);
          for (const [at, value] of changes) damaged[Math.floor(at * damaged.length)] = value;
          try {
            const booster = readBooster(damaged);
            booster.predict(row.subarray(0, booster.featureCount), 1);
          } catch (error) {
            expect(error).toBeInstanceOf(ModelLoadError);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
