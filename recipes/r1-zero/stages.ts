// The recipe's stages: pretraining on unfiltered searches, evaluation, reinforcement by verifiable rewards alone.
import type { Evaluation } from "../../src/eval/evaluate.js";
import { warmupCosine } from "../../src/optim/schedule.js";
import { evaluateRun, reinforce as reinforcePolicy } from "../../src/rl/reinforce.js";
import { createOptimizer } from "../../src/train/create-optimizer.js";
import { trainingLoop } from "../../src/train/loop.js";
import type { ZeroSession } from "./session.js";

/**
 * (b) Builds the base model: next-token and multi-token prediction on the corpus. Nothing tells it which searches are
 * right.
 */
export async function pretrain(session: ZeroSession): Promise<void> {
  const { options, corpus, state } = session;
  const { steps, batchSequences, learningRate, warmupSteps, weightDecay, optimizer: name, ...loss } = options.pretrain;
  const optimizer = createOptimizer(session.parts.model.parameters, name, { weightDecay });
  try {
    await trainingLoop(session, optimizer, corpus, state.pretrain, {
      ...loss,
      phase: "pretrain",
      steps,
      batchSequences,
      schedule: warmupCosine({
        peak: learningRate,
        warmupSteps: Math.min(warmupSteps, steps),
        totalSteps: steps,
        finalFraction: 0.05,
      }),
      validation: corpus.sequences(0, batchSequences, "heldout"),
      validationEverySteps: 50,
      learningRateName: "pretrain.learningRate",
    });
  } finally {
    optimizer.dispose();
  }
}

/** (c, e) Samples held-out problems that neither stage ever trains on. */
export const evaluate = (session: ZeroSession, model: "base" | "final"): Promise<Evaluation> =>
  evaluateRun(session.setting, model);

/** (d) GRPO with accuracy and format rewards only; no supervised step. */
export const reinforce = (session: ZeroSession): Promise<void> => reinforcePolicy(session.setting);
