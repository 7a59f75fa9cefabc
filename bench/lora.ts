// Claim: training an adapter over a 135M Llama shape is at least 1.5 times as fast as PyTorch with peft, in at most 0.6
// of its memory.
import { arithmeticPeaks } from "./ceilings.js";
import type { Claim } from "./claim.js";
import { runContest } from "./contest.js";
import { lossLine, memoryLines, profileLine, speedLines } from "./training.js";

const variants = ["eager-f32", "eager-bf16", "eager-bf16-adapter", "compile-f32", "compile-bf16"];

export const lora: Claim = async (options) => {
  const contest = { kind: "lora", model: "smollm2", script: "train_lora.py", variants, steps: 3 } as const;
  const result = await runContest(contest, options);
  return [
    ...speedLines("lora", result, 1.5),
    ...memoryLines("lora", "smollm2", result, 0.6),
    lossLine("lora", result),
    profileLine("lora", result, arithmeticPeaks(options.threads)),
  ];
};
