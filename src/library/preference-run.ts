// What runs on preferences share: the model they begin with, the data, the plan. Knows neither loss.
import { filesOfModel } from "../inference/opening/model-location.js";
import { type OpenedModel, openModel, readModelFacts, withFrozen } from "../inference/opening/open-model.js";
import { contextOf } from "../models/rope-scaling.js";
import { formatNumber } from "../number-text.js";
import type { DpoOptions, RewardModelOptions } from "../preference/options.js";
import type { PreferenceData, PreferenceOptions, PreferenceRow } from "../preference/preference-data.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { trainedAdapters } from "../train/lora-options.js";
import {
  type BatchToPlan,
  batchToPlan,
  type MemoryRemedies,
  outlineOf,
  type PlannedModel,
  planTraining,
} from "../train/memory-plan.js";
import type { Objective } from "../train/objective.js";
import { adapterRows, count, modelRow, type PlanRow, printPlan } from "../train/plan-lines.js";
import type { OpenedRun, RunContext } from "../train/run-context.js";
import type { SessionParts } from "../train/session.js";
import { ShuffledSequences } from "../train/shuffled-sequences.js";
import type { TrainingStageOptions } from "../train/training-stage.js";
import { architectureRules, refuseIdle } from "./idle-settings.js";

/** What is trained, on which files. */
export interface PreferenceRequest<O = RewardModelOptions | DpoOptions> {
  /** Where the model lies that training begins with. */
  readonly model: string;
  readonly data: readonly string[];
  readonly options: O;
  readonly seed: number;
}

/** What tells one kind of run from the other. */
export interface PreferenceKind<E extends PreferenceRow> {
  readonly phase: "reward-model" | "dpo";
  readonly read: (
    files: readonly string[],
    tokenizer: Tokenizer,
    options: PreferenceOptions,
  ) => Promise<PreferenceData<E>>;
  readonly objective: Objective<E>;
  readonly scoreSeed?: number;
}

/** A run that is about to begin: its parts, its data and how it trains on them. */
export interface PreparedPreferences<E extends PreferenceRow> {
  readonly parts: Omit<SessionParts, "checkpointSeconds">;
  readonly data: PreferenceData<E>;
  readonly training: { readonly data: ShuffledSequences<E>; readonly options: TrainingStageOptions<E> };
}

/** Held-out rows that are looked at. */
const MAX_VALIDATION = 1000;

/**
 * Reads the data, prints the plan, makes the run's directory and opens the model. `given`: the options as they were
 * given, of which those without effect are refused. Throws ConfigError, DataError naming the row, BackendError.
 */
export async function preparePreferences<E extends PreferenceRow>(
  context: RunContext,
  { checkpoint, begin }: OpenedRun,
  request: PreferenceRequest,
  given: object,
  kind: PreferenceKind<E>,
): Promise<PreparedPreferences<E>> {
  const { options, seed, ...source } = request;
  const scores = kind.scoreSeed !== undefined;
  const facts = await readModelFacts(options.lora ? source.model : (checkpoint?.directory ?? source.model), { scores });
  const adapters = trainedAdapters(options.lora, seed);
  const planned = { config: facts.config, compute: options.compute ?? facts.compute, adapters };
  const data = await kind.read(source.data, facts.tokenizer, {
    heldOutFraction: options.validationFraction,
    maxTokens: contextOf(facts.config),
  });
  refuseIdle(given, [
    ["epochs", options.steps !== null, "steps says how long the run is"],
    ...architectureRules(outlineOf(planned)),
  ]);
  const training = trainingOn(data, request, kind);
  const tellPlan = (model: PlannedModel) => plan(context, model, training, data);
  await (options.lora ? withFrozen(facts.directory, planned, tellPlan) : tellPlan(planned));
  const opened = await openModel(facts.directory, { compute: planned.compute, adapters, scoreSeed: kind.scoreSeed });
  const files = [...source.data, ...(options.lora ? filesOfModel(facts.directory) : [])];
  const run = begin({
    seed,
    options: { ...options, source },
    fingerprints: fingerprintsOf(files),
    compute: planned.compute,
  });
  return { parts: partsOf(run, opened, options.lora ? source.model : undefined), data, training };
}

const partsOf = (
  run: ReturnType<OpenedRun["begin"]>,
  { model, tokenizer, generation }: OpenedModel,
  base: string | undefined,
): PreparedPreferences<PreferenceRow>["parts"] => ({ ...run, model, tokenizer, generation: notesOf(generation), base });

/** What a model's files recorded stays recorded, but for what a run writes itself. */
function notesOf(generation: OpenedModel["generation"]) {
  const { eos_token_id: _eos, compute_type: _compute, frozen_tensors: _frozen, ...notes } = generation;
  return notes;
}

function trainingOn<E extends PreferenceRow>(
  { train, heldout }: PreferenceData<E>,
  { options, seed }: PreferenceRequest,
  { phase, objective }: PreferenceKind<E>,
): PreparedPreferences<E>["training"] {
  const { batchRows, epochs } = options;
  const steps = options.steps ?? Math.ceil((epochs * train.length) / batchRows);
  return {
    data: new ShuffledSequences(train, seed),
    options: {
      ...options,
      objective,
      phase,
      steps,
      batchSequences: batchRows,
      validation: heldout.slice(0, MAX_VALIDATION),
      learningRateName: "learningRate",
    },
  };
}

async function plan<E extends PreferenceRow>(
  { progress }: RunContext,
  model: PlannedModel,
  { data, options }: PreparedPreferences<E>["training"],
  { train, heldout, form }: PreferenceData<E>,
): Promise<void> {
  const { batchSequences, microBatchTokens, steps, phase } = options;
  const batch: BatchToPlan<E> = batchToPlan(data, options, "batchRows");
  const stages = [[await planTraining(model, phase, batch, options)]];
  const rows: PlanRow[] = [
    modelRow(model),
    ...adapterRows(model),
    ["data", `${count(train.length)} rows of ${form} to train on, ${count(heldout.length)} held out`],
    [
      "tune",
      `${count(steps)} steps of ${formatNumber(batchSequences)} rows, about ${count(batch.numTargets * steps)} tokens`,
    ],
  ];
  printPlan(progress, rows, stages, () => preferenceRemedies(microBatchTokens));
  if (heldout.length === 0) progress.note("  no row is held out: nothing will be known of accuracy on other rows");
}

const preferenceRemedies = (microBatchTokens: number): MemoryRemedies => ({
  model: "choose a smaller model, or set lora.rank",
  activations: `lower microBatchTokens (now ${microBatchTokens}) or set recomputeLayers=true`,
  cache: "choose a smaller model",
});
