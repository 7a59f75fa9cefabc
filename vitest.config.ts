// How the tests run: unit tests beside their files, conformance and golden ones under tests/.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "recipes/**/*.test.ts", "tests/**/*.test.ts", "examples/**/*.test.ts", "bench/**/*.test.ts"],
    // One process per file: the native addon keeps its thread pool per process.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
