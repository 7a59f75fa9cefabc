// Claim: sampling 64 rows × 256 new tokens of the DeepSeek shape is at least 8 times as fast as generate() of the same
// model.
import { arithmeticPeaks } from "./ceilings.js";
import type { Claim } from "./claim.js";
import { runContest } from "./contest.js";
import { profileLine, speedLines } from "./training.js";

const STEPS = 1;
const variants = [
  "eager-f32",
  "eager-bf16",
  "eager-f32-batched-experts",
  "eager-f32-expert-loop",
  "compile-f32",
  "compile-bf16",
];

export const generate: Claim = async (options) => {
  const result = await runContest(
    { kind: "generate", model: "deepseek", script: "generate.py", variants, steps: STEPS },
    options,
  );
  return [...speedLines("generate", result, 8), profileLine("generate", result, arithmeticPeaks(options.threads))];
};
