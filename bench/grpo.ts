// Claim: a step of GRPO on an adapter over a 135M Llama shape, 64 completions of 128 tokens, is at least 5 times as
// fast as that of TRL's GRPOTrainer.
import { arithmeticPeaks } from "./ceilings.js";
import type { Claim } from "./claim.js";
import { runContest } from "./contest.js";
import { memoryLines, profileLine, speedLines } from "./training.js";

export const grpo: Claim = async (options) => {
  const variants = ["trl-f32", "trl-bf16"];
  const contest = { kind: "grpo", model: "smollm2", script: "grpo_trl.py", variants, steps: 1 } as const;
  const result = await runContest(contest, options);
  return [
    ...speedLines("grpo", result, 5),
    ...memoryLines("grpo", "smollm2", result, 1),
    profileLine("grpo", result, arithmeticPeaks(options.threads)),
  ];
};
