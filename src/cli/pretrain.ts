// `luciole pretrain`: a model from nothing, on a text corpus or on the written-out searches of a task.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { createModel } from "../models/create.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import { ownCommand, shownPath } from "../run/own-command.js";
import type { TrainingSummary } from "../run/records.js";
import { RunDirectory } from "../run/run-directory.js";
import { countTargets } from "../train/batch.js";
import { type Material, type MaterialRequest, makeMaterial, materialFiles } from "../train/material.js";
import { countParameters, planLines, planTraining, refuseIfTooLarge } from "../train/memory-plan.js";
import { configOfRun, reopenRun } from "../train/reopen.js";
import { trainRun } from "../train/train-run.js";
import { pretrainOptions } from "../train/training-options.js";
import { performRun, type RunContext, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { finishedTraining, finishRun, trainingKnobs, trainingLines } from "./training-run.js";

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
  const summary = finishedTraining(flags.resume) ?? (await performRun("pretrain", flags, (context) => train(context, request, flags.resume !== undefined)));
  writeResult(flags.json, summary, () => trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "Once"`));
}

function requestOf(flags: PretrainFlags): MaterialRequest {
  const options = pretrainOptions(applySettings({}, flags, "pretrain"));
  if ((flags.corpus === undefined) === (flags.traces === undefined)) throw new ConfigError("pretrain: give either --corpus <file> or --traces <task>");
  const source = flags.corpus === undefined ? { traces: flags.traces } : { corpus: resolve(flags.corpus) };
  return { ...source, model: flags.model ?? "deepseek-tiny", tokenizer: flags.tokenizer ?? "bpe", options, seed: flags.seed ?? 0 };
}

/** What a run was begun with, from its config.json. */
function recordedMaterialRequest(path: string): MaterialRequest {
  const { options, seed } = configOfRun(path, "pretrain");
  const { source, ...rest } = options as { source: Omit<MaterialRequest, "options" | "seed"> };
  return { ...source, options: pretrainOptions(rest), seed };
}

async function train(context: RunContext, request: MaterialRequest, resumes: boolean): Promise<TrainingSummary> {
  const reopened = resumes ? await reopenRun(context.path, "pretrain", context) : undefined;
  let run = reopened?.run;
  try {
    const material = makeMaterial(request);
    await tellPlan(context, request, material);
    run ??= newRun(context, request);
    const { options, seed } = request;
    const { progress, signal, machine } = context;
    const model = createModel(material.config, { compute: options.compute, seed });
    const around = { run, checkpoint: reopened?.checkpoint, seed, progress, signal, peakFlops: machine.peakFlops(options.compute) };
    return finishRun(run, await trainRun({ ...around, ...material, phase: "pretrain", model, steps: options.steps, options }));
  } finally {
    run?.close();
  }
}

function newRun({ path, machine }: RunContext, request: MaterialRequest): RunDirectory {
  const { options, seed, ...source } = request;
  const recorded = { options: { ...options, source }, fingerprints: fingerprintsOf(materialFiles(request)) };
  return RunDirectory.create({ verb: "pretrain", path, seed, ...recorded, isa: machine.isa, threads: machine.threads });
}

async function tellPlan({ progress }: RunContext, { options }: MaterialRequest, { config, data }: Material): Promise<void> {
  const model = { config, compute: options.compute };
  const batch = data.sequences(0, options.batchSequences);
  const stages = [[await planTraining(model, "pretraining", batch, options)]];
  refuseIfTooLarge(stages, () => trainingKnobs(options.microBatchTokens));
  const { total, active } = countParameters(model);
  const count = (n: number) => Math.round(n).toLocaleString("en-US");
  const lines = planLines(
    [
      [
        "model",
        `${count(total)} parameters, ${count(active)} active per token (${config.model_type}, ${options.compute}, vocabulary ${count(config.vocab_size)})`,
      ],
      ["pretrain", `${count(options.steps)} steps of ${options.batchSequences} sequences, about ${count(countTargets(batch) * options.steps)} tokens`],
    ],
    stages,
  );
  for (const line of lines) progress.note(line);
}
