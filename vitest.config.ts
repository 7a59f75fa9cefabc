// How the tests run: unit tests beside their files, conformance and golden ones under tests/.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "recipes/**/*.test.ts",
      "tests/**/*.test.ts",
      "examples/**/*.test.ts",
      "bench/**/*.test.ts",
    ],
    // One process per file: the native addon keeps its thread pool per process.
    pool: "forks",
    maxWorkers: 2,
    // A machine that is busy with other things takes its time; nothing here is a claim about speed.
    testTimeout: 240_000,
  },
});
