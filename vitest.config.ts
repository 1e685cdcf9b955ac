import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Where .ci/run collects a JSON report of every run, to count the tests at its end (scripts/count-tests.js). */
const reportDirectory = process.env["VITEST_JSON_DIR"];

export default defineConfig({
  test: {
    reporters: reportDirectory === undefined ? ["default"] : ["default", "json"],
    // A file for each run: unit and end-to-end tests are separate ones.
    outputFile: { json: join(reportDirectory ?? "", `${process.pid}.json`) },
    // Vitest leaves one processor free; these tests mostly wait for sockets, files and each other's processes.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["packages/*/src/**/*.test.ts", "scripts/**/*.test.ts"],
          testTimeout: 20_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["e2e/**/*.test.ts"],
          // Each file starts whole topologies; two at once would measure each other on two cores.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
