// The loop of pretraining and fine-tuning: step, check, log, validate, save. Knows no corpus and no files.
import { TrainingError } from "../errors.js";
import type { LanguageModel } from "../models/language-model.js";
import { refuseNonFiniteWeight } from "../models/non-finite.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { Schedule } from "../optim/schedule.js";
import type { TrainingPhase } from "../run/records.js";
import type { TrainSequence } from "./batch.js";
import type { StageState } from "./saved-state.js";
import type { Trained, TrainingSession } from "./session.js";
import { type ExpertShares, evaluateExamples, type StepOptions, type TrainStepResult, trainStep } from "./step.js";
import { addWork, WorkClock, type WorkCount } from "./work-count.js";

/** Where examples come from. A position in the data is one number, so a run is resumed from its step alone. */
export interface TrainingData<E = TrainSequence> {
  /** Training examples [from, from+count); a pure function of its arguments. The data begins again where it ends. */
  sequences(from: number, count: number): E[];
}

/** How a loop runs. */
export interface LoopOptions<E = TrainSequence> extends Omit<StepOptions<E>, "lr" | "signal"> {
  readonly phase: TrainingPhase;
  readonly steps: number;
  /** Examples per optimiser step. */
  readonly batchSequences: number;
  readonly schedule: Schedule;
  /** Held-out examples whose figures are taken every `validationEverySteps`, and at the end. */
  readonly validation: readonly E[];
  readonly validationEverySteps: number;
  /** The setting to lower when the loss is not finite, by its full name. */
  readonly learningRateName: string;
}

/** Where a loop stands. */
export interface LoopState extends StageState {
  work: WorkCount;
  /** Of the last step; null before the first. */
  loss: number | null;
  /** The last one; null without held-out examples. */
  valLoss: number | null;
  /** All figures of the last validation; absent before the first. */
  valFigures?: Readonly<Record<string, number>>;
  /** The step after which that was. */
  valStep?: number;
}

/** Figures of a step, as logged. The validation loss after it has a line of its own. */
export interface StepMetrics {
  readonly loss: number;
  readonly grad_norm: number;
  readonly learning_rate: number;
  /** Tokens with a target since the start of the run. (TRL's num_tokens counts prompts too.) */
  readonly num_trained_tokens: number;
  readonly tokens_per_second: number;
  readonly mfu?: number;
}

/**
 * Trains from the state's step to the last one. Throws TrainingError on a loss that is not finite, Interrupted when the
 * session's signal fires; either way the last whole step is saved.
 */
export function trainingLoop<E = TrainSequence>(
  session: TrainingSession,
  optimizer: Optimizer,
  data: TrainingData<E>,
  state: LoopState,
  options: LoopOptions<E>,
): Promise<void> {
  const trained: Trained = { optimizer, reference: null };
  return session.train(trained, async () => {
    const { model, progress } = session.parts;
    const { validation, steps } = options;
    session.tellSteps(options.phase, options.phase, steps, state.step);
    for (;;) {
      // At the top, so that a run resumed from a checkpoint of this step takes the validation that its logs do not hold
      // yet.
      if (isDue(state, options)) {
        await validate(session, state, options);
        await session.endStep(trained, state.step === steps);
      }
      if (state.step >= steps) break;
      await oneStep(session, optimizer, data, state, options);
      // What the last validation finds belongs into the last checkpoint.
      await session.endStep(trained, state.step === steps && validation.length === 0);
    }
    progress.endStage();
    model.device.trim(); // the next stage's tensors have other sizes
  });
}

async function oneStep<E>(
  { parts, mark }: TrainingSession,
  optimizer: Optimizer,
  data: TrainingData<E>,
  state: LoopState,
  options: LoopOptions<E>,
): Promise<void> {
  const { model, run, progress, signal } = parts;
  const clock = new WorkClock(model.device);
  const lr = options.schedule(state.step);
  const sequences = data.sequences(state.step * options.batchSequences, options.batchSequences);
  const result = await trainStep(model, optimizer, sequences, { ...options, lr, signal });
  await refuseNonFinite(result, state.step, lr, options, model);
  const done = clock.lap(result.numTokens);
  addWork(state.work, done);
  const { figures, gradNorm: grad_norm } = result;
  const { loss, ...others } = figures;
  state.step++;
  state.loss = loss;
  const metrics: StepMetrics = {
    loss,
    grad_norm,
    learning_rate: lr,
    num_trained_tokens: state.work.tokens,
    ...speed(done, parts.peakFlops),
    ...others,
  };
  run.logMetrics({ phase: options.phase, ...mark, step: state.step, ...metrics, ...namedLoads(result.expertLoad) });
  progress.update(state.step, { ...metrics });
}

const isDue = <E>({ step, valStep }: LoopState, { validation, validationEverySteps, steps }: LoopOptions<E>): boolean =>
  validation.length > 0 && step > 0 && step !== valStep && (step >= steps || step % validationEverySteps === 0);

async function validate<E>({ parts, mark }: TrainingSession, state: LoopState, options: LoopOptions<E>): Promise<void> {
  const { model, run, progress, signal } = parts;
  const figures = await evaluateExamples(model, options.validation, { ...options, signal });
  const named = Object.fromEntries(Object.entries(figures).map(([name, value]) => [`val_${name}`, value]));
  run.logMetrics({ phase: options.phase, ...mark, step: state.step, ...named });
  progress.update(state.step, { val_loss: figures.loss });
  Object.assign(state, { valLoss: figures.loss, valFigures: figures, valStep: state.step });
}

/** Each mixture layer's expert shares under the name they are logged by. */
export const namedLoads = (loads: ExpertShares): Record<string, readonly number[]> =>
  Object.fromEntries(Object.entries(loads).map(([layer, load]) => [`expert_load/${layer}`, load]));

function speed(
  { tokens, flops, seconds }: WorkCount,
  peakFlops: number,
): Pick<StepMetrics, "tokens_per_second" | "mfu"> {
  return { tokens_per_second: tokens / seconds, ...(peakFlops > 0 ? { mfu: flops / seconds / peakFlops } : {}) };
}

async function refuseNonFinite(
  { loss, gradNorm }: TrainStepResult,
  step: number,
  lr: number,
  { phase, learningRateName }: Pick<LoopOptions, "phase" | "learningRateName">,
  model: LanguageModel,
): Promise<void> {
  if (Number.isFinite(loss) && Number.isFinite(gradNorm)) return;
  await refuseNonFiniteWeight(model, `${phase} step ${step + 1}`);
  const what = Number.isFinite(loss) ? `gradient norm is ${gradNorm}` : "loss is not finite";
  throw new TrainingError(
    `${phase} step ${step + 1}: the ${what} at learning rate ${lr}; the step was not applied; start again ` +
      `with a lower ${learningRateName} or a longer warm-up`,
  );
}
