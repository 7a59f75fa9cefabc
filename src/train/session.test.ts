// What a training session refuses before its first step.
import { expect, test } from "vitest";
import { publishedConfig } from "../models/published.js";
import { TrainingSession } from "./session.js";

const open = (attention_dropout: unknown) => {
  const config = { ...publishedConfig("r1-distill-qwen-1.5b"), attention_dropout };
  return new TrainingSession(
    { model: { config } } as never,
    {} as never,
    { step: 0, totalSeconds: 0 } as never,
    undefined,
  );
};

test("a model that asks for dropout is refused by name, for training applies none", () => {
  expect(() => open(0.1)).toThrow(
    "config.json: attention_dropout 0.1 is not supported in training; set it to 0 to train without it",
  );
  for (const none of [0, null, undefined]) expect(open(none)).toBeInstanceOf(TrainingSession);
});
