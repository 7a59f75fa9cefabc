// How the tests run: unit tests beside their files, conformance and golden ones under tests/.
import { defineConfig } from "vitest/config";

const options = {
  // A process of its own: the native addon keeps its thread pool per process.
  pool: "forks",
  // A machine that is busy with other things takes its time; nothing here is a claim about speed.
  testTimeout: 300_000,
  expect: { poll: { timeout: 30_000 } },
} as const;

/** Folders under tests/ whose files leave nothing behind in their process. */
const SHARING = ["conformance", "golden", "parity"];

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      // Files of a worker share the modules that they import: loading them anew took longer than most tests.
      {
        test: {
          ...options,
          name: "units",
          include: [
            ...["src", "recipes", "bench", "web/src"].map((folder) => `${folder}/**/*.test.ts`),
            ...SHARING.map((folder) => `tests/${folder}/**/*.test.ts`),
          ],
          isolate: false,
          // So that no file leaves anything to the next.
          ...{ restoreMocks: true, unstubEnvs: true, unstubGlobals: true },
        },
      },
      {
        test: {
          ...options,
          name: "whole",
          include: ["tests", "web/tests", "examples"].map((folder) => `${folder}/**/*.test.ts`),
          exclude: SHARING.map((folder) => `tests/${folder}/**`),
        },
      },
    ],
  },
});
