import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Value } from "./value.ts";
import { newMap } from "./value.ts";
import { emitDocument } from "./yaml-emitter.ts";
import { resolvePlain } from "./plain-scalar.ts";
import { parsePlainYaml } from "./yaml-fast.ts";
import { MAX_YAML_DEPTH, parseFullYaml, parseYamlDocuments } from "./yaml-parse.ts";

function reprint(text: string): string {
  return parseYamlDocuments(text).map(emitDocument).join("---\n");
}

describe("emitter", () => {
  it("quotes, folds and orders as kustomize", () => {
    const input = `
date: 2020-01-01
ts: 2020-01-01T10:00:00.5Z
f1: 1.0
f2: 1e3
f3: 1234567.5
f4: 0.00001
f5: 12345678901234567890
f6: 123456789012345678901234567890
f7: 1_000
f8: 0x1F
f9: 010
f10: 0o17
f11: 0b11
f12: 1:30
y: y
n: no
tr: True
nul: ~
tab: "a\\tb"
e: ""
bom: "a\\ufeffb"
astral: "😀"
tl: "\\n a"
lead: " a\\nb\\n"
trail: "a\\n\\n"
onlynl: "\\n"
trailsp: "a \\nb"
trailsp2: "a\\nb "
dig1: x
dig10: x
dig2: x
dig-2: x
dig02: x
dashes: "--- a"
emp: {}
empl: []
sq: "it's: x"
col: "a:b"
hash: "a #b"
at: "@b"
minus: "-"
bin: !!binary aGVsbG8=
str: !!str 12
merge: "<<"
long: "aaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc ddddddddddddddd eeeeeee"
long2: "'aaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc ddddddddddddddd eeeee"
long3: "\\taaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc ddddddd  eeeeeee ffff"
"ba\\nb": {a: [[1, 2], [{x: 1}]]}
`;
    expect(reprint(input)).toBe(`astral: "\\U0001F600"
at: '@b'
? |-
  ba
  b
: a:
  - - 1
    - 2
  - - x: 1
bin: hello
bom: "a\\uFEFFb"
col: a:b
dashes: '--- a'
date: "2020-01-01T00:00:00Z"
dig-2: x
dig1: x
dig2: x
dig02: x
dig10: x
e: ""
emp: {}
empl: []
f1: 1
f2: 1000
f3: 1.2345675e+06
f4: 1e-05
f5: 12345678901234567890
f6: 1.2345678901234568e+29
f7: 1000
f8: 31
f9: 8
f10: 15
f11: 3
f12: "1:30"
hash: 'a #b'
lead: |2
   a
  b
long: aaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc
  ddddddddddddddd eeeeeee
long2: '''aaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc
  ddddddddddddddd eeeee'
long3: "\\taaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbb ccccccccccccccccccccccccc
  ddddddd  eeeeeee ffff"
merge: <<
minus: '-'
"n": "no"
nul: null
onlynl: |2+

sq: 'it''s: x'
str: "12"
tab: "a\\tb"
tl: |2-

   a
tr: true
trail: |+
  a

trailsp: "a \\nb"
trailsp2: "a\\nb "
ts: "2020-01-01T10:00:00.5Z"
"y": "y"
`);
  });

  const key = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => text.isWellFormed());
  const value = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      key,
      fc.lorem({ maxCount: 30 }),
      fc.stringMatching(/^[ \nabc:#'"-]{0,30}$/),
      fc.boolean(),
      fc.integer(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 }).map((entries) => newMap(entries)),
    ),
  })).value;

  it("prints what reads back as the same value, for us and for another reader", () => {
    fc.assert(
      fc.property(value, (input) => {
        const text = emitDocument(input);
        const plain: unknown = JSON.parse(JSON.stringify(input));
        expect(parse(text, { logLevel: "silent" })).toEqual(plain);
        if (input !== null) expect(JSON.parse(JSON.stringify(parseYamlDocuments(text)[0]))).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });
});

describe("parser", () => {
  it("expands aliases into copies and applies merge keys", () => {
    expect(reprint("a: &x {p: 1, l: [1]}\nb: *x\nc: {<<: *x, p: 2}\n")).toBe(`a:
  l:
  - 1
  p: 1
b:
  l:
  - 1
  p: 1
c:
  l:
  - 1
  p: 2
`);
    const [shared] = parseYamlDocuments("a: &x [1]\nb: *x\n");
    expect(shared).toMatchObject({ a: [1], b: [1] });
  });

  it("keeps a key __proto__ a key", () => {
    expect(reprint("__proto__: {polluted: true}\n")).toBe("__proto__:\n  polluted: true\n");
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    .concat(Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`))
    .join("\n");

  it.each([
    ["an alias bomb", bomb, /excessive aliasing/],
    ["brackets 10,000 deep", "[".repeat(10_000), /nested deeper/],
    ["maps 10,000 deep", "{a: ".repeat(10_000), /nested deeper/],
    ["lists 10,000 deep", "- ".repeat(10_000), /nested deeper/],
    [
      "indentation 3,000 deep",
      Array.from({ length: 3_000 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
      /nested deeper/,
    ],
    ["one level too deep", "[".repeat(MAX_YAML_DEPTH + 2) + "]".repeat(MAX_YAML_DEPTH + 2), /nested deeper/],
    ["100 MB", "a: b\n".repeat(20_000_000), /too large/],
    ["an unknown alias", "a: *nope", /unknown anchor|Unresolved alias/],
    ["a key twice", "a: 1\nb: 2\na: 3", /line 3: mapping key "a" already defined/],
    ["an open list", "a: [1", /yaml: line 1/],
    ["an alias to itself", "a: &a [*a]", /unknown anchor|Unresolved alias/],
  ])("refuses %s", (_, text, message) => {
    const start = performance.now();
    expect(() => parseYamlDocuments(text)).toThrow(message);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it("ends with a value or an Error for any text", () => {
    const pieces = fc.constantFrom(
      "a",
      ": ",
      "- ",
      "\n",
      "  ",
      "[",
      "]",
      "{",
      "}",
      "&x ",
      "*x",
      "|",
      ">",
      "'",
      '"',
      "#",
      "---\n",
      "? ",
      "!!str ",
      "<<: ",
      "\t",
      "%",
      "0x",
      ",",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        try {
          for (const document of parseYamlDocuments(parts.join(""))) emitDocument(document);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(RangeError);
          expect(error).not.toBeInstanceOf(TypeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("the fast reader agrees with the full one or leaves the text to it", () => {
    const pieces = fc.constantFrom(
      ..."a|b|: |:|- |-|  | |[|]|{|}|, |'|\"|#| #|1|~|true|x:y|\\\\|é|<<|\t|''|\"q\"|'s'|? |&a |*a|!!str |%|@".split(
        "|",
      ),
      ..."\n|\n  |\n    |\n- |\na: |\n  b: |\n---\n|...\n".split("|"),
      "|",
      "|-",
      "|\n  l1\n   l2\n\n",
    );
    let read = 0;
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 25 }), (parts) => {
        const text = parts.join("");
        const fast = parsePlainYaml(text, { resolve: resolvePlain, maxDepth: MAX_YAML_DEPTH });
        if (fast === undefined) return;
        read++;
        const documents = fast.filter((document) => document !== null);
        expect(documents.map(emitDocument), JSON.stringify(text)).toEqual(
          parseFullYaml(text).map(emitDocument),
        );
      }),
      { numRuns: 10_000 },
    );
    expect(read).toBeGreaterThan(500);
  });
});
