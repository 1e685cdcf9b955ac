// Sums vitest's JSON reports into the closing line of .ci/run: node scripts/count-tests.js DIRECTORY
// Plain JavaScript: it runs on the machine's own Node.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2] ?? ".";
const total = { passed: 0, failed: 0, skipped: 0 };
for (const name of readdirSync(directory).filter((file) => file.endsWith(".json"))) {
  const report = JSON.parse(readFileSync(join(directory, name), "utf8"));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests + report.testResults.filter(failedAsAWhole).length;
  total.skipped += report.numPendingTests + report.numTodoTests;
}
console.log(`tests: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

/** A file that could not be loaded, or whose hooks failed, has no failed test of its own: it counts as one. */
function failedAsAWhole(file) {
  return file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed");
}
