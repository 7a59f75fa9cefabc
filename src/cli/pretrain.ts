// `luciole pretrain`: a model from nothing, on a text corpus or on the written-out searches of a task.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { dataFiles } from "../library/data-files.js";
import { architectureRules, type IdleRule, refuseIdle } from "../library/idle-settings.js";
import { createModel } from "../models/create.js";
import { formatNumber } from "../number-text.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import type { TrainingSummary } from "../run/records.js";
import { parseOptions } from "../tasks/options.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { batchToPlan, outlineOf, planTraining } from "../train/memory-plan.js";
import { count, modelRow, type PlanRow, printPlan } from "../train/plan-lines.js";
import {
  type CorpusSize,
  type PretrainingData,
  type PretrainingRequest,
  pretrainingData,
  pretrainingFiles,
} from "../train/pretraining-data.js";
import { configOfRun } from "../train/reopen.js";
import { type RunContext, withRun } from "../train/run-context.js";
import { trainRun } from "../train/train-run.js";
import { type PretrainOptions, pretrainOptions, pretrainSchema } from "../train/training-options.js";
import { finishedRun, performRun, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { trainingLines, trainingRemedies } from "./training-run.js";

/** Flags as commander gives them. */
export interface PretrainFlags extends RunFlags {
  readonly corpus?: readonly string[];
  readonly traces?: string;
  readonly model?: string;
  readonly tokenizer?: string;
}

/** What config.json holds of the options: these, and where the words came from. */
const recordedSchema = pretrainSchema.extend({
  source: z.strictObject({
    corpus: z.array(z.string()).optional(),
    traces: z.string().optional(),
    model: z.string(),
    tokenizer: z.string(),
  }),
});

/** Trains, or goes on training; prints what it came to. */
export async function pretrain(flags: PretrainFlags): Promise<void> {
  refuseBesideResume(flags, ["corpus", "traces", "model", "tokenizer"]);
  const request = flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume);
  const summary =
    finishedRun(flags.resume)?.training ??
    (await performRun("pretrain", flags, (context) => train(context, request, flags)));
  writeResult(flags.json, summary, () =>
    trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "Once"`),
  );
}

function requestOf(flags: PretrainFlags): PretrainingRequest {
  const given = applySettings({}, flags, "pretrain");
  const options = pretrainOptions(given);
  if ((flags.corpus === undefined) === (flags.traces === undefined))
    throw new ConfigError("pretrain: expected either --corpus <file> or --traces <task>");
  if (flags.traces !== undefined && flags.tokenizer !== undefined)
    throw new ConfigError("--tokenizer has no effect with --traces, which have their own tokenizer; leave it out");
  refuseIdle(given, sourceRules(flags));
  const source = flags.corpus === undefined ? { traces: flags.traces } : { corpus: dataFiles(flags.corpus) };
  return {
    ...source,
    model: flags.model ?? "deepseek-tiny",
    tokenizer: flags.tokenizer ?? "bpe",
    options,
    seed: flags.seed ?? 0,
  };
}

function sourceRules({ traces, tokenizer = "bpe" }: PretrainFlags): IdleRule[] {
  const [isTraced, ofCorpus, ofTraces] = [
    traces !== undefined,
    "it applies to --corpus only",
    "it applies to --traces only",
  ];
  return [
    ["context", isTraced, ofCorpus],
    ["validationFraction", isTraced, ofCorpus],
    ["textColumn", isTraced, ofCorpus],
    ["vocabSize", isTraced || tokenizer !== "bpe", "it is the size of a bpe tokenizer that is trained on a corpus"],
    ["task", !isTraced, ofTraces],
    ["traces", !isTraced, ofTraces],
  ];
}

/** What a run was begun with, from its config.json. */
function recordedRequest(path: string): PretrainingRequest {
  const { options, seed } = configOfRun(path, "pretrain");
  const { source, ...rest } = parseOptions(recordedSchema, options, `${path}: options`);
  return { ...source, options: rest, seed };
}

function train(context: RunContext, request: PretrainingRequest, flags: PretrainFlags): Promise<TrainingSummary> {
  return withRun("pretrain", context, async ({ checkpoint, begin }) => {
    const { options, seed, ...source } = request;
    const { compute, steps } = options;
    const data = await pretrainingData(request, (line) => context.progress.note(line));
    await plan(context, request, data, flags);
    const fingerprints = fingerprintsOf(pretrainingFiles(request));
    const run = begin({ seed, options: { ...options, source }, fingerprints, compute });
    const model = createModel(data.config, { compute, seed });
    return trainRun({ ...run, ...data, checkpoint, phase: "pretrain", model, steps, options });
  });
}

async function plan(
  { progress, notice }: RunContext,
  { options }: PretrainingRequest,
  { config, data, validation, size }: PretrainingData,
  flags: PretrainFlags,
): Promise<void> {
  const model = { config, compute: options.compute };
  refuseIdle(applySettings({}, flags, "pretrain"), architectureRules(outlineOf(model)));
  const batch = batchToPlan(data, options);
  const stages = [[await planTraining(model, "pretraining", batch, options)]];
  const rows: PlanRow[] = [
    modelRow(model, `, vocabulary ${count(config.vocab_size)}`),
    ...(size ? [corpusRow(options, size)] : []),
    [
      "pretrain",
      `${count(options.steps)} steps of ${options.batchSequences} sequences, about ` +
        `${count(batch.numTargets * options.steps)} tokens`,
    ],
  ];
  printPlan(progress, rows, stages, () => trainingRemedies(options.microBatchTokens));
  for (const line of warningsOf(options, size)) notice(line);
  if (validation.length === 0) notice("no text is held out, so overfitting will go unnoticed; set validationFraction");
}

/**
 * Passes over a corpus after which more of them teach little and a model begins to learn it by heart (Muennighoff et
 * al. 2023, arXiv 2305.16264).
 */
const USEFUL_EPOCHS = 16;

const numEpochs = ({ steps, batchSequences }: PretrainOptions, { sequences }: CorpusSize): number =>
  (steps * batchSequences) / sequences;

const corpusRow = (options: PretrainOptions, size: CorpusSize): PlanRow => [
  "corpus",
  `${count(size.tokens)} tokens in ${count(size.sequences)} sequences, seen ` +
    `${formatNumber(numEpochs(options, size))} times (epochs)`,
];

function warningsOf(options: PretrainOptions, size: CorpusSize | undefined): string[] {
  if (!size || numEpochs(options, size) <= USEFUL_EPOCHS) return [];
  const enough = Math.max(1, Math.round((USEFUL_EPOCHS * size.sequences) / options.batchSequences));
  const epochs = formatNumber(numEpochs(options, size));
  return [
    `the corpus is seen ${epochs} times; beyond ${USEFUL_EPOCHS} epochs a model mostly overfits. Watch ` +
      `val_loss, use more text, or set steps=${enough}`,
  ];
}
