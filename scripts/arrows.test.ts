import { describe, expect, test } from "vitest";
import { arrowViolations } from "./arrows.ts";

/** The reasons for one file of package `name`, by specifier. */
function reasons(name: string, path: string, text: string, manifest = {}): Record<string, string> {
  const violations = arrowViolations({ name, manifest, files: [{ path, text }] });
  expect(new Set(violations.map(({ file }) => file)).size).toBeLessThanOrEqual(1);
  return Object.fromEntries(violations.map(({ specifier, reason }) => [specifier, reason]));
}

describe("arrows between packages", () => {
  const runtime = {
    dependencies: { "@ai-edge/client": "0.1.0", "@ai-edge/apiserver": "0.1.0", pino: "10.4.0" },
  };

  test("a layer below, declared: allowed", () => {
    const text =
      'import { createClient } from "@ai-edge/client";\nimport { pino } from "pino";\nimport "node:fs";';
    expect(reasons("runtime", "src/manager.ts", text, runtime)).toEqual({});
  });

  test("a sibling is refused although it is declared", () => {
    expect(
      reasons("runtime", "src/manager.ts", 'import { startApiServer } from "@ai-edge/apiserver";', runtime),
    ).toEqual({ "@ai-edge/apiserver": "runtime may not import apiserver (ARCHITECTURE.md, arrows)" });
  });

  test("a layer below is refused while it is not declared, also as a type", () => {
    expect(
      reasons("runtime", "src/manager.ts", 'import type { Status } from "@ai-edge/apimachinery";', runtime),
    ).toEqual({ "@ai-edge/apimachinery": "not declared in packages/runtime/package.json" });
  });

  test("another package's inside is refused, by name and by path", () => {
    const text = 'export { a } from "@ai-edge/client/src/a.ts";\nexport * from "../../client/src/index.ts";';
    expect(reasons("runtime", "src/manager.ts", text, runtime)).toEqual({
      "@ai-edge/client/src/a.ts": "reaches into @ai-edge/client: import its index",
      "../../client/src/index.ts": "leaves packages/runtime: import the other package by its name",
    });
  });

  test("the own files may be imported by path from any depth", () => {
    expect(reasons("runtime", "src/store/index.ts", 'import { Queue } from "../queue.ts";')).toEqual({});
  });

  test("a package without a layer is refused as a whole", () => {
    expect(arrowViolations({ name: "novelty", manifest: {}, files: [] })).toEqual([
      { file: "packages/novelty", specifier: "novelty", reason: "has no layer in scripts/arrows.ts" },
    ]);
  });
});

describe("tests", () => {
  const text = [
    'import { expect } from "vitest";',
    'import fc from "fast-check";',
    'import { startTestApiServer } from "@ai-edge/testing";',
    'import { Pod } from "@ai-edge/api";',
  ].join("\n");

  test("may use the test tools, `testing` and what it stands on without declaring them", () => {
    expect(reasons("client", "src/watch.test.ts", text)).toEqual({});
  });

  test("so may what tests share in a folder `testing`", () => {
    expect(reasons("client", "src/watch/testing/server.ts", text)).toEqual({});
  });

  test("a source file may not", () => {
    expect(reasons("client", "src/watch.ts", text)).toEqual({
      vitest: "not declared in packages/client/package.json",
      "fast-check": "not declared in packages/client/package.json",
      "@ai-edge/testing": "client may not import testing (ARCHITECTURE.md, arrows)",
      "@ai-edge/api": "client may not import api (ARCHITECTURE.md, arrows)",
    });
  });

  test("may not import a controller's package", () => {
    expect(reasons("client", "src/watch.test.ts", 'import { addOcm } from "@ai-edge/ocm";')).toEqual({
      "@ai-edge/ocm": "client may not import ocm (ARCHITECTURE.md, arrows)",
    });
  });

  test("may use a declared development dependency, which a source file may not", () => {
    const manifest = { devDependencies: { esbuild: "0.28.2" } };
    const importing = 'const esbuild = await import("esbuild");';
    expect(reasons("client", "src/bundle.test.ts", importing, manifest)).toEqual({});
    expect(reasons("client", "src/bundle.ts", importing, manifest)).toEqual({
      esbuild: "not declared in packages/client/package.json",
    });
  });
});

describe("what counts as an import", () => {
  test.each([
    ['import a from "x/deep.js";', ["x/deep.js"]],
    ['import a, { type B } from "@scope/x/deep";', ["@scope/x/deep"]],
    ["import * as a from 'x';", ["x"]],
    ['import {\n  a,\n  b as c,\n} from "x";', ["x"]],
    ['import type { A } from "x";', ["x"]],
    ['export type { A } from "x";', ["x"]],
    ['export * as a from "x";', ["x"]],
    ['import "x";', ["x"]],
    ['const a = await import("x");', ["x"]],
    // Sentences and templates that only look like one.
    ['throw new Error(`moved from "${path}"`);', []],
    ["export const text = \"taken from 'x'\";", []],
    ["// the rest comes from 'x'", []],
  ])("%s", (text, specifiers) => {
    expect(Object.keys(reasons("forge", "src/a.ts", text))).toEqual(specifiers);
  });
});
