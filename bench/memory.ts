// Claim: the peak memory of a training step is at most 0.6 of PyTorch's, in either precision. Measured on the processes
// of the training contests.
import type { Claim } from "./claim.js";
import { memoryLines, trainingContest } from "./training.js";

export const memory: Claim = async (options) => {
  const dense = memoryLines("memory", "dense", await trainingContest("dense", options), 0.6);
  return [...dense, ...memoryLines("memory", "deepseek", await trainingContest("deepseek", options), 0.6)];
};
