// The recipe's stages: pretraining on unfiltered searches, evaluation, reinforcement by verifiable rewards alone.
import { TrainingError } from "../../src/errors.js";
import { evaluatePolicy, type PolicyEvaluation } from "../../src/eval/evaluate-policy.js";
import { AdamW } from "../../src/optim/adamw.js";
import { warmupCosine } from "../../src/optim/schedule.js";
import { GrpoTrainer } from "../../src/rl/grpo-trainer.js";
import { parseResponse } from "../../src/tasks/response.js";
import { accuracyReward, formatReward } from "../../src/tasks/rewards.js";
import { meter } from "../../src/tensor/engine.js";
import { evaluateLoss, trainStep } from "../../src/train/step.js";
import type { ZeroSession } from "./session.js";

const named = (loads: readonly (readonly number[])[]) => Object.fromEntries(loads.map((load, i) => [`expert_load/${i}`, load]));

/** (b) Builds the base model: next-token and multi-token prediction on the corpus. Nothing tells it which searches are right. */
export async function pretrain(session: ZeroSession): Promise<void> {
  const { options, model, corpus, state, run, progress } = session;
  const p = options.pretrain;
  const optimizer = new AdamW(model.parameters.trained(), { weightDecay: p.weightDecay });
  await session.restoreInto(optimizer);
  const schedule = warmupCosine({ peak: p.learningRate, warmupSteps: p.warmupSteps, totalSteps: p.steps, finalFraction: 0.05 });
  progress.stage("pretrain", p.steps, state.step);
  const validation = corpus.sequences(0, p.batchTraces, "heldout");
  while (state.step < p.steps) {
    const started = performance.now();
    const flops = meter.flops;
    const sequences = corpus.sequences(state.step * p.batchTraces, p.batchTraces);
    const result = await trainStep(model, optimizer, sequences, { ...p, lr: schedule(state.step) });
    const seconds = (performance.now() - started) / 1000;
    if (!Number.isFinite(result.loss) || !Number.isFinite(result.gradNorm))
      throw new TrainingError(
        `pretraining step ${state.step}: the loss is ${result.loss}; the last checkpoint is kept; try a lower pretrain.learningRate (now ${p.learningRate})`,
      );
    state.step++;
    state.pretrainTokens += result.numTokens;
    state.trainFlops += meter.flops - flops;
    state.seconds.pretrain += seconds;
    const metrics = {
      loss: result.loss,
      grad_norm: result.gradNorm,
      learning_rate: schedule(state.step - 1),
      tokens_per_second: result.numTokens / seconds,
      num_tokens: state.pretrainTokens,
    };
    const valLoss = state.step % 50 === 0 || state.step === p.steps ? { val_loss: await evaluateLoss(model, validation, p.microBatchTokens) } : {};
    run.logMetrics({ phase: "pretrain", step: state.step, ...metrics, ...valLoss, ...named(result.expertLoad) });
    progress.update(state.step, { ...metrics, ...valLoss });
    await session.saveIfDue(optimizer, null, state.step === p.steps);
  }
  progress.endStage();
  optimizer.dispose();
}

/** (c, e) Samples held-out problems that neither stage ever trains on. */
export async function evaluate(session: ZeroSession, model: "base" | "final"): Promise<PolicyEvaluation> {
  const { options, progress, run } = session;
  progress.stage(`evaluate ${model}`);
  const { problems, samplesPerProblem, slots } = options.evaluation;
  const result = await evaluatePolicy(session.policy, session.task, {
    problems,
    samplesPerProblem,
    maxNewTokens: maxNewTokens(session),
    temperature: 1,
    slots,
    seed: session.seed,
    signal: session.signal,
  });
  const { evaluation: e } = result;
  const step = model === "base" ? 0 : session.state.step;
  run.logMetrics({
    phase: "eval",
    step,
    model,
    pass1: e.pass1,
    pass1_stderr: e.stderr.pass1,
    pass16: e.passK,
    cons16: e.consK,
    format_rate: e.formatRate,
    mean_think_tokens: e.meanThinkTokens,
  });
  logTranscripts(session, result, model);
  progress.update(1, { pass1: e.pass1, tokens_per_second: result.tokensPerSecond });
  progress.endStage();
  return result;
}

/** (d) GRPO with accuracy and format rewards only; no supervised step. */
export async function reinforce(session: ZeroSession): Promise<void> {
  const { options, state, run, progress, policy, task, seed } = session;
  const rewards = [accuracyReward(task), formatReward()];
  const trainer = new GrpoTrainer(policy, task, rewards, options.rl, seed);
  await session.restoreInto(trainer.optimizer, trainer.referenceModel);
  trainer.step = state.step;
  trainer.nextProblem = state.nextProblem;
  progress.stage("reinforce", trainer.config.steps, state.step);
  while (state.step < trainer.config.steps) {
    const flops = meter.flops;
    const { metrics, expertLoad } = await trainer.runStep(session.signal);
    if (session.signal?.aborted) break;
    state.step = trainer.step;
    state.nextProblem = trainer.nextProblem;
    state.rolloutTokens += metrics.num_tokens;
    state.seconds.rollout += metrics.num_tokens / metrics.rollout_tokens_per_second;
    state.seconds.train += metrics.num_tokens / metrics.train_tokens_per_second;
    state.trainTokens += metrics.num_tokens;
    state.trainFlops += meter.flops - flops;
    run.logMetrics({ phase: "rl", ...metrics, step: state.step, ...named(expertLoad) });
    progress.update(state.step, { ...metrics, "rewards/accuracy/mean": metrics["rewards/accuracy_reward/mean"] });
    if (state.step % options.evaluation.everySteps === 0) await quickEvaluation(session);
    await session.saveIfDue(trainer.optimizer, trainer.referenceModel, state.step === trainer.config.steps);
  }
  if (session.signal?.aborted) await session.saveIfDue(trainer.optimizer, trainer.referenceModel, true);
  progress.endStage();
  trainer.dispose();
}

const maxNewTokens = ({ options }: ZeroSession): number => options.rl.maxCompletionLength ?? 256;

/** A light look at held-out problems while learning: one sample each. */
async function quickEvaluation(session: ZeroSession): Promise<void> {
  const { quickProblems, slots } = session.options.evaluation;
  const options = { problems: quickProblems, samplesPerProblem: 1, maxNewTokens: maxNewTokens(session), temperature: 1, slots, seed: session.seed };
  const { evaluation: e } = await evaluatePolicy(session.policy, session.task, options);
  session.run.logMetrics({
    phase: "eval",
    step: session.state.step,
    pass1: e.pass1,
    pass1_stderr: e.stderr.pass1,
    format_rate: e.formatRate,
    mean_think_tokens: e.meanThinkTokens,
  });
}

/** The first sample of the first problems, whatever it is. */
function logTranscripts(session: ZeroSession, { trajectories }: PolicyEvaluation, model: "base" | "final"): void {
  const { samplesPerProblem } = session.options.evaluation;
  for (let i = 0; i < trajectories.length && i < 8 * samplesPerProblem; i += samplesPerProblem) {
    const { problem, prompt, completion, completionIds } = trajectories[i];
    const { answer } = parseResponse(completion);
    const correct = answer !== null && session.task.verify(problem, answer) === 1;
    session.run.logSample({
      phase: "eval",
      step: session.state.step,
      model,
      split: "held_out",
      problem: problem.id,
      prompt,
      completion,
      answer: problem.answer,
      correct,
      numTokens: completionIds.length,
    });
  }
}
