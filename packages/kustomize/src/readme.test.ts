import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

it("the example of the README prints what it says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\n([^]*?)```/.exec(readme)?.[1] ?? "";
  const expected = /```yaml\n([^]*?)```/.exec(readme)?.[1] ?? "";
  const printed = execFileSync(process.execPath, ["--input-type=module-typescript", "--eval", example], {
    cwd: new URL("..", import.meta.url),
    encoding: "utf8",
  });
  expect(printed.trimEnd()).toBe(expected.trimEnd());
});
