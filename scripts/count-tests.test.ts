import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "ai-edge-count-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function count(): string {
  return execFileSync(process.execPath, [path.join(ROOT, "scripts/count-tests.js"), directory], {
    encoding: "utf8",
  });
}

test("reports are summed over the runs; other files do not count", () => {
  const report = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
  const failed = { status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] };
  writeFileSync(path.join(directory, "unit.json"), JSON.stringify({ ...report, testResults: [failed] }));
  writeFileSync(path.join(directory, "e2e.json"), JSON.stringify({ ...report, testResults: [] }));
  writeFileSync(path.join(directory, "notes.txt"), "not a report");
  expect(count()).toBe("tests: 6 passed, 2 failed, 6 skipped\n");
});

test("a file that could not be loaded counts as a failure", () => {
  const nothing = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  const testResults = [{ status: "failed", assertionResults: [] }];
  writeFileSync(path.join(directory, "unit.json"), JSON.stringify({ ...nothing, testResults }));
  expect(count()).toBe("tests: 0 passed, 1 failed, 0 skipped\n");
});

test("no report at all is no test", () => {
  expect(count()).toBe("tests: 0 passed, 0 failed, 0 skipped\n");
});
