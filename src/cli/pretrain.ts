// `luciole pretrain`: a model from nothing, on a text corpus or on the written-out searches of a task.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { architectureRules, type IdleRule, refuseIdle } from "../library/idle-settings.js";
import { createModel } from "../models/create.js";
import { formatNumber } from "../number-text.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import type { TrainingSummary } from "../run/records.js";
import { RunDirectory } from "../run/run-directory.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { type Material, type MaterialRequest, makeMaterial, materialFiles } from "../train/material.js";
import { batchToPlan, outlineOf, planLines, planTraining, refuseIfTooLarge } from "../train/memory-plan.js";
import { configOfRun, reopenRun } from "../train/reopen.js";
import { trainRun } from "../train/train-run.js";
import { type PretrainOptions, pretrainOptions } from "../train/training-options.js";
import { performRun, type RunContext, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { finishedTraining, trainingKnobs, trainingLines } from "./training-run.js";

/** Flags as commander gives them. */
export interface PretrainFlags extends RunFlags {
  readonly corpus?: string;
  readonly traces?: string;
  readonly model?: string;
  readonly tokenizer?: string;
}

/** Trains, or goes on training; prints what it came to. */
export async function pretrain(flags: PretrainFlags): Promise<void> {
  refuseBesideResume(flags, ["corpus", "traces", "model", "tokenizer"]);
  const request = flags.resume === undefined ? requestOf(flags) : recordedMaterialRequest(flags.resume);
  const summary =
    finishedTraining(flags.resume) ??
    (await performRun("pretrain", flags, (context) => train(context, request, flags)));
  writeResult(flags.json, summary, () =>
    trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "Once"`),
  );
}

function requestOf(flags: PretrainFlags): MaterialRequest {
  const given = applySettings({}, flags, "pretrain");
  const options = pretrainOptions(given);
  if ((flags.corpus === undefined) === (flags.traces === undefined))
    throw new ConfigError("pretrain: expected either --corpus <file> or --traces <task>");
  if (flags.traces !== undefined && flags.tokenizer !== undefined)
    throw new ConfigError("--tokenizer has no effect with --traces, which have their own tokenizer; leave it out");
  refuseIdle(given, sourceRules(flags));
  const source = flags.corpus === undefined ? { traces: flags.traces } : { corpus: resolve(flags.corpus) };
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
    ["vocabSize", isTraced || tokenizer !== "bpe", "it is the size of a bpe tokenizer that is trained on a corpus"],
    ["task", !isTraced, ofTraces],
    ["traces", !isTraced, ofTraces],
  ];
}

/** What a run was begun with, from its config.json. */
function recordedMaterialRequest(path: string): MaterialRequest {
  const { options, seed } = configOfRun(path, "pretrain");
  const { source, ...rest } = options as { source: Omit<MaterialRequest, "options" | "seed"> };
  return { ...source, options: pretrainOptions(rest), seed };
}

async function train(context: RunContext, request: MaterialRequest, flags: PretrainFlags): Promise<TrainingSummary> {
  const reopened = flags.resume !== undefined ? await reopenRun(context.path, "pretrain", context) : undefined;
  let run = reopened?.run;
  try {
    const material = makeMaterial(request);
    await tellPlan(context, request, material, flags);
    run ??= newRun(context, request);
    const { options, seed } = request;
    const { progress, signal, machine } = context;
    const model = createModel(material.config, { compute: options.compute, seed });
    const around = {
      run,
      checkpoint: reopened?.checkpoint,
      seed,
      progress,
      signal,
      peakFlops: machine.peakFlops(options.compute),
    };
    return await trainRun({ ...around, ...material, phase: "pretrain", model, steps: options.steps, options });
  } finally {
    run?.close();
  }
}

function newRun({ path, machine }: RunContext, request: MaterialRequest): RunDirectory {
  const { options, seed, ...source } = request;
  const recorded = { options: { ...options, source }, fingerprints: fingerprintsOf(materialFiles(request)) };
  return RunDirectory.create({ verb: "pretrain", path, seed, ...recorded, isa: machine.isa, threads: machine.threads });
}

async function tellPlan(
  { progress, notice }: RunContext,
  { options }: MaterialRequest,
  material: Material,
  flags: PretrainFlags,
): Promise<void> {
  const { config, data, validation, size } = material;
  const model = { config, compute: options.compute };
  const { total, active, ...outline } = outlineOf(model);
  refuseIdle(applySettings({}, flags, "pretrain"), architectureRules(outline));
  const batch = batchToPlan(data, options);
  const stages = [[await planTraining(model, "pretraining", batch, options)]];
  refuseIfTooLarge(stages, () => trainingKnobs(options.microBatchTokens));
  const count = (n: number) => Math.round(n).toLocaleString("en-US");
  const lines = planLines(
    [
      [
        "model",
        `${count(total)} parameters, ${count(active)} active per token (${config.model_type}, ` +
          `${options.compute}, vocabulary ${count(config.vocab_size)})`,
      ],
      ...(size
        ? [
            [
              "corpus",
              `${count(size.tokens)} tokens in ${count(size.sequences)} sequences${epochsOf(options, size)}`,
            ] as const,
          ]
        : []),
      [
        "pretrain",
        `${count(options.steps)} steps of ${options.batchSequences} sequences, about ` +
          `${count(batch.numTargets * options.steps)} tokens`,
      ],
    ],
    stages,
  );
  for (const line of lines) progress.note(line);
  for (const line of warningsOf(options, material)) notice(line);
  if (validation.length === 0) notice("no text is held out, so overfitting will go unnoticed; set validationFraction");
}

/**
 * Passes over a corpus after which more of them teach little and a model begins to learn it by heart (Muennighoff et
 * al. 2023, arXiv 2305.16264).
 */
const USEFUL_EPOCHS = 16;

const numEpochs = ({ steps, batchSequences }: PretrainOptions, { sequences }: { readonly sequences: number }): number =>
  (steps * batchSequences) / sequences;

const epochsOf = (options: PretrainOptions, size: { readonly sequences: number }): string =>
  `, seen ${formatNumber(numEpochs(options, size))} times (epochs)`;

function warningsOf(options: PretrainOptions, { size }: Material): string[] {
  if (!size || numEpochs(options, size) <= USEFUL_EPOCHS) return [];
  const enough = Math.max(1, Math.round((USEFUL_EPOCHS * size.sequences) / options.batchSequences));
  const epochs = formatNumber(numEpochs(options, size));
  return [
    `the corpus is seen ${epochs} times; beyond ${USEFUL_EPOCHS} epochs a model mostly overfits. Watch ` +
      `val_loss, use more text, or set steps=${enough}`,
  ];
}
