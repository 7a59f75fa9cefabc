// The loop of pretraining and fine-tuning: step, check, log, validate, save. Knows no corpus and no files.
import { TrainingError } from "../errors.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { Schedule } from "../optim/schedule.js";
import type { TrainSequence } from "./batch.js";
import type { SessionState, TrainingSession, WorkCount } from "./session.js";
import { type ExpertShares, evaluateLoss, type StepOptions, type TrainStepResult, trainStep } from "./step.js";

/** Where sequences come from. A position in the data is one number, so a run is resumed from its step alone. */
export interface TrainingData {
  /** Training sequences [from, from+count); a pure function of its arguments. The data begins again where it ends. */
  sequences(from: number, count: number): TrainSequence[];
}

/** How a loop runs. */
export interface LoopOptions extends Omit<StepOptions, "lr"> {
  readonly phase: "pretrain" | "sft";
  readonly steps: number;
  /** Sequences per optimiser step. */
  readonly batchSequences: number;
  readonly schedule: Schedule;
  /** Held-out sequences whose loss is taken every `validationEverySteps`, and at the end. */
  readonly validation: readonly TrainSequence[];
  readonly validationEverySteps: number;
  /** The setting to lower when the loss is not finite, by its full name. */
  readonly learningRateName: string;
  /** Sees every step's figures before they are saved. */
  readonly onStep?: (metrics: StepMetrics) => void;
}

/** Figures of a step, as logged. */
export interface StepMetrics {
  readonly loss: number;
  readonly grad_norm: number;
  readonly learning_rate: number;
  /** Tokens with a target since the start of the run. (TRL's num_tokens counts prompts too.) */
  readonly num_trained_tokens: number;
  readonly tokens_per_second: number;
  readonly mfu?: number;
  readonly val_loss?: number;
}

/** Trains from the session's step to the last one; `work` (part of the session's state) is counted up. Throws TrainingError on a loss that is not finite. */
export async function trainingLoop<S extends SessionState>(
  session: TrainingSession<S>,
  optimizer: Optimizer,
  data: TrainingData,
  work: WorkCount,
  options: LoopOptions,
): Promise<void> {
  const { state } = session;
  const { model, run, progress } = session.parts;
  const { meter } = model.device;
  await session.restoreInto(optimizer);
  progress.stage(options.phase, options.steps, state.step);
  while (state.step < options.steps) {
    const [startedMs, startedFlops] = [performance.now(), meter.flops];
    const lr = options.schedule(state.step);
    const sequences = data.sequences(state.step * options.batchSequences, options.batchSequences);
    const result = await trainStep(model, optimizer, sequences, { ...options, lr });
    refuseNonFinite(result, state.step, lr, options);
    state.step++;
    const done: WorkCount = { tokens: result.numTokens, flops: meter.flops - startedFlops, seconds: (performance.now() - startedMs) / 1000 };
    addWork(work, done);
    const isLast = state.step === options.steps;
    const hasValidation = options.validation.length > 0 && (isLast || state.step % options.validationEverySteps === 0);
    const metrics: StepMetrics = {
      loss: result.loss,
      grad_norm: result.gradNorm,
      learning_rate: lr,
      num_trained_tokens: work.tokens,
      ...speed(done, session.parts.peakFlops),
      ...(hasValidation ? { val_loss: await evaluateLoss(model, options.validation, options.microBatchTokens) } : {}),
    };
    run.logMetrics({ phase: options.phase, step: state.step, ...metrics, ...namedLoads(result.expertLoad) });
    progress.update(state.step, { ...metrics });
    options.onStep?.(metrics);
    await session.saveIfDue(optimizer, null, isLast);
  }
  progress.endStage();
  model.device.trim(); // the next stage's tensors have other sizes
}

/** Adds `done` to `total`. */
export function addWork(total: WorkCount, done: WorkCount): void {
  total.tokens += done.tokens;
  total.flops += done.flops;
  total.seconds += done.seconds;
}

/** Each mixture layer's expert shares under the name they are logged by. */
export const namedLoads = (loads: ExpertShares): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(loads).map(([layer, load]) => [`expert_load/${layer}`, load]));

function speed({ tokens, flops, seconds }: WorkCount, peakFlops: number): Pick<StepMetrics, "tokens_per_second" | "mfu"> {
  return { tokens_per_second: tokens / seconds, ...(peakFlops > 0 ? { mfu: flops / seconds / peakFlops } : {}) };
}

function refuseNonFinite({ loss, gradNorm }: TrainStepResult, step: number, lr: number, { phase, learningRateName }: LoopOptions): void {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return;
  const what = Number.isFinite(loss) ? `gradient norm is ${gradNorm}` : "loss is not finite";
  throw new TrainingError(
    `${phase} step ${step + 1}: the ${what} at learning rate ${lr}; this step changed nothing and the last good checkpoint is kept; start again with a lower ${learningRateName}, or longer warm-up`,
  );
}
