// Claim: training a DeepSeek shape (MLA, 16 routed experts top-4, shared expert, MTP) is at least 4 times as fast as
// transformers' in PyTorch.
import { arithmeticPeaks } from "./ceilings.js";
import type { Claim } from "./claim.js";
import { lossLine, profileLine, speedLines, trainingContest } from "./training.js";

export const trainDeepseek: Claim = async (options) => {
  const result = await trainingContest("deepseek", options);
  return [
    ...speedLines("train-deepseek", result, 4),
    lossLine("train-deepseek", result),
    profileLine("train-deepseek", result, arithmeticPeaks(options.threads)),
  ];
};
