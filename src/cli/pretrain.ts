// `luciole pretrain`: a model from nothing, on a text corpus or on the written-out searches of a task.
import { resolve } from "node:path";
import { ConfigError, DataError } from "../errors.js";
import { createModel } from "../models/create.js";
import { ownCommand } from "../run/own-command.js";
import type { TrainingSummary } from "../run/records.js";
import { RunDirectory } from "../run/run-directory.js";
import { countTargets } from "../train/batch.js";
import { type Material, type MaterialRequest, makeMaterial } from "../train/material.js";
import { countParameters, planLines, planTraining, refuseIfTooLarge } from "../train/memory-plan.js";
import { configOfRun, type ReopenedRun, reopenRun } from "../train/reopen.js";
import { trainRun } from "../train/train-run.js";
import { pretrainOptions } from "../train/training-options.js";
import { performRun, type RunContext, type RunFlags, refuseBesideResume, shownPath, writeResult } from "./run-verb.js";
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
  const request = flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume);
  const summary = finishedTraining(flags.resume) ?? (await performRun("pretrain", flags, (context) => train(context, request, flags.resume !== undefined)));
  writeResult(flags.json, summary, () => trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "Once"`));
}

type Request = MaterialRequest & { readonly sha256?: string };

function requestOf(flags: PretrainFlags): Request {
  const options = pretrainOptions(applySettings({}, flags, "pretrain"));
  if ((flags.corpus === undefined) === (flags.traces === undefined)) throw new ConfigError("pretrain: give either --corpus <file> or --traces <task>");
  const source = flags.corpus === undefined ? { traces: flags.traces } : { corpus: resolve(flags.corpus) };
  return { ...source, model: flags.model ?? "deepseek-tiny", tokenizer: flags.tokenizer ?? "bpe", options, seed: flags.seed ?? 0 };
}

/** What a run was begun with, from its config.json. */
function recordedRequest(path: string): Request {
  const { options, seed } = configOfRun(path, "pretrain");
  const { source, ...rest } = options as { source: Omit<Request, "options" | "seed"> };
  return { ...source, options: pretrainOptions(rest), seed };
}

async function train(context: RunContext, request: Request, resumes: boolean): Promise<TrainingSummary> {
  const material = makeMaterial(request);
  if (request.sha256 !== undefined && request.sha256 !== material.sha256)
    throw new DataError(`${request.corpus} has changed since the run began; put the old file back, or begin a new run`);
  await tellPlan(context, request, material);
  const { options, seed } = request;
  const { run, checkpoint }: Pick<ReopenedRun, "run" | "checkpoint"> = resumes
    ? await reopenRun(context.path, "pretrain", context)
    : { run: newRun(context, request, material) };
  try {
    const { progress, signal, machine } = context;
    const model = createModel(material.config, { compute: options.compute, seed });
    const around = { run, checkpoint, seed, progress, signal, peakFlops: machine.peakFlops(options.compute) };
    return finishRun(run, await trainRun({ ...around, ...material, phase: "pretrain", model, steps: options.steps, options }));
  } finally {
    run.close();
  }
}

function newRun({ path, machine }: RunContext, { options, seed, ...source }: Request, { sha256 }: Material): RunDirectory {
  const recorded = { ...options, source: { ...source, ...(sha256 ? { sha256 } : {}) } };
  return RunDirectory.create({ verb: "pretrain", path, seed, options: recorded, isa: machine.isa, threads: machine.threads });
}

async function tellPlan({ progress }: RunContext, { options }: Request, { config, data }: Material): Promise<void> {
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
