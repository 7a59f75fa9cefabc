// Claim: training a dense Llama shape of about 25M parameters is at least 1.3 times as fast as PyTorch's best.
import { arithmeticPeaks } from "./ceilings.js";
import type { Claim } from "./claim.js";
import { lossLine, profileLine, speedLines, trainingContest } from "./training.js";

export const trainDense: Claim = async (options) => {
  const result = await trainingContest("dense", options);
  return [
    ...speedLines("train-dense", result, 1.3),
    lossLine("train-dense", result),
    profileLine("train-dense", result, arithmeticPeaks(options.threads)),
  ];
};
