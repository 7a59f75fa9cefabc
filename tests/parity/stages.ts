// A model as a pipeline of models that hold its layers, in one process: one training step or steps over a cache.
// Knows no expected values.
import type { LanguageModel, PagedCacheOptions, StageOutput } from "../../src/models/language-model.js";
import type { StepBatch } from "../../src/nn/batch.js";
import type { PagedCache } from "../../src/nn/paged-cache.js";
import { keep, scope } from "../../src/tensor/engine.js";
import { leaf, Tape } from "../../src/tensor/tape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { countTargets, makeTrainBatch, type TrainSequence } from "../../src/train/batch.js";
import { type LossOptions, languageModelLoss } from "../../src/train/loss.js";
import type { Stepping } from "./paged-stepping.js";
import { floatsOf, type NamedNumbers } from "./training-run.js";

/** One micro-batch on its way through the stages: a tape for each, and what each received and gave. */
interface Flight {
  readonly tapes: readonly Tape[];
  readonly received: readonly (StageOutput | undefined)[];
  readonly given: readonly StageOutput[];
  readonly loss: Tensor;
}

/** What a stage receives: the same numbers, at which its own tape begins. */
const receive = ({ hidden, balanceLoss }: StageOutput): StageOutput => ({
  hidden: leaf(hidden),
  balanceLoss: balanceLoss && leaf(balanceLoss),
});

/** Sends a micro-batch forward through all stages; its tensors belong to the current scope. */
export function sendForward(
  stages: readonly LanguageModel[],
  micro: readonly TrainSequence[],
  all: readonly TrainSequence[],
  options: LossOptions,
): Flight {
  const last = stages[stages.length - 1];
  const batch = makeTrainBatch(micro, last.numMtp, countTargets(all), last.device);
  const tapes = stages.map(() => new Tape());
  const received: (StageOutput | undefined)[] = [undefined];
  const given = stages.slice(0, -1).map((stage, i) => {
    const { hidden, balanceLoss } = tapes[i].record(() => stage.forward(batch.inputs, options, received[i]));
    received.push(receive({ hidden, balanceLoss }));
    return { hidden, balanceLoss };
  });
  const share = micro.length / all.length;
  const loss = tapes[given.length].record(
    () => languageModelLoss(last, batch, options, share, received[given.length]).total,
  );
  return { tapes, received, given, loss };
}

/**
 * Sends a micro-batch's gradients back through all stages; with `weightsLater` those of inputs first, through all
 * stages, and then those of weights.
 */
export function sendBack(stages: readonly LanguageModel[], flight: Flight, weightsLater = false): void {
  const { tapes, received, given, loss } = flight;
  let arrived: (Tensor | null)[] = [];
  fromLastToFirst(stages, (i) => {
    const outputs =
      i === given.length ? loss : tensorsOf(given[i]).map((value, k) => ({ value, grad: arrived[k] as Tensor }));
    arrived = tapes[i].backward(outputs, tensorsOf(received[i]), { weightsLater });
  });
  if (weightsLater) fromLastToFirst(stages, (i) => tapes[i].backwardWeights());
}

/**
 * The last stage has the embedding, too, where the head or multi-token prediction use it. The gradient is one: it goes
 * where it is added to next.
 */
function fromLastToFirst(stages: readonly LanguageModel[], body: (stage: number) => void): void {
  const last = stages.length - 1;
  moveEmbeddingGradient(stages[0], stages[last]);
  for (let i = last; i >= 0; i--) {
    if (i === 0) moveEmbeddingGradient(stages[last], stages[0]);
    body(i);
  }
}

function moveEmbeddingGradient(from: LanguageModel, to: LanguageModel): void {
  const name = "model.embed_tokens.weight";
  if (from === to || ![from, to].every(({ parameters }) => parameters.specs.some((spec) => spec.name === name))) return;
  const [source, target] = [from.parameters.master(name), to.parameters.master(name)];
  if (!source.grad) return;
  target.grad = source.grad;
  source.grad = null;
}

const tensorsOf = (stage: StageOutput | undefined): Tensor[] =>
  stage ? [stage.hidden, ...(stage.balanceLoss ? [stage.balanceLoss] : [])] : [];

/** Loss, gradients and expert loads of one step through the stages, as `gradientsOf` gives them for a whole model. */
export async function stagedGradients(
  stages: readonly LanguageModel[],
  sequences: readonly TrainSequence[],
  options: LossOptions,
): Promise<{ loss: number; gradients: NamedNumbers; loads: number[][] }> {
  const total = scope(() => {
    const flight = sendForward(stages, sequences, sequences, options);
    sendBack(stages, flight);
    return keep(flight.loss);
  });
  const loss = await total.item();
  total.dispose();
  const loads = stages.flatMap(({ moeLayers }) => moeLayers).map(async (moe) => [...(await moe.load.data())]);
  return { loss, gradients: await stagedParts(stages), loads: await Promise.all(loads) };
}

/** The gradients of all stages by stored name. */
export async function stagedParts(stages: readonly LanguageModel[]): Promise<NamedNumbers> {
  const parts = await Promise.all(stages.map(({ parameters }) => floatsOf(parameters.read((p) => p.grad))));
  return new Map(parts.flatMap((part) => [...part]));
}

/** The stages as one thing that steps over a cache: each has a cache of its own layers. */
export function stagedStepping(
  stages: readonly LanguageModel[],
): Stepping<{ readonly parts: readonly PagedCache[]; dispose(): void }> {
  const last = stages[stages.length - 1];
  return {
    vocabSize: last.vocabSize,
    createPagedCache: (options: PagedCacheOptions) => {
      const parts = stages.map((stage) => stage.createPagedCache(options));
      const dispose = () => {
        for (const part of parts) part.dispose();
      };
      return { parts, dispose };
    },
    step: (batch: StepBatch, { parts }) => {
      let hidden: Tensor | undefined;
      for (const [i, stage] of stages.entries()) hidden = stage.step(batch, parts[i], { hidden });
      return hidden as Tensor;
    },
    logits: (hidden) => last.logits(hidden),
  };
}
