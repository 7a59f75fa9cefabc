// What a training session refuses before its first step.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { publishedConfig } from "../models/published.js";
import { TrainingSession } from "./session.js";

const folder = mkdtempSync(join(tmpdir(), "luciole-session-"));
afterAll(() => rmSync(folder, { recursive: true }));

const open = (attention_dropout: unknown) => {
  const config = { ...publishedConfig("r1-distill-qwen-1.5b"), attention_dropout };
  const run = { checkpointsPath: join(folder, "checkpoints") };
  return TrainingSession.open({ model: { config }, run } as never, []);
};

test("a model that asks for dropout is refused by name, for training applies none", async () => {
  await expect(open(0.1)).rejects.toThrow(
    "config.json: attention_dropout 0.1 is not supported in training; set it to 0 to train without it",
  );
  for (const none of [0, null, undefined]) expect(await open(none)).toBeInstanceOf(TrainingSession);
});
