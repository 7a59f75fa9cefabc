// The configurations that guides name consist of options that exist.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import { createWordProblemsTask } from "../tasks/index.js";
import { rlRunOptions } from "./rl-options.js";

const example = () => JSON.parse(readFileSync(join(packageRoot(), "examples", "word-problems.json"), "utf8"));

test("examples/word-problems.json tunes an adapter, with known options of the run and of the task", () => {
  const { lora, template, task, rl } = rlRunOptions(example());
  expect([lora?.rank, template]).toEqual([16, "chat-plain"]);
  expect(rl.maxSequences).toBeLessThanOrEqual(rl.numPrompts * rl.numGenerations);
  expect(createWordProblemsTask(task).generate(0, 0, "train").difficulty).toBe(1);
});

test("an option that does not exist is refused by name", () => {
  expect(() => rlRunOptions({ ...example(), rl: { numPrompt: 8 } })).toThrow(ConfigError);
  expect(() => rlRunOptions({ ...example(), rl: { numPrompt: 8 } })).toThrow(/numPrompt/);
});
