// `luciole sft`: fine-tunes a model on prompts and completions.
import { resolve } from "node:path";
import { ConfigError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { type ModelFacts, openModel, readModelFacts } from "../inference/opening/open-model.js";
import { architectureRules, refuseIdle } from "../library/idle-settings.js";
import { contextOf } from "../models/rope-scaling.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import type { TrainingSummary } from "../run/records.js";
import { RunDirectory } from "../run/run-directory.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { batchToPlan, outlineOf, planLines, planTraining, refuseIfTooLarge } from "../train/memory-plan.js";
import { type PairData, readPairs } from "../train/pair-data.js";
import { configOfRun, reopenRun } from "../train/reopen.js";
import { ShuffledSequences } from "../train/shuffled-sequences.js";
import { trainRun } from "../train/train-run.js";
import { type SftOptions, sftOptions } from "../train/training-options.js";
import { performRun, type RunContext, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { finishedTraining, trainingKnobs, trainingLines } from "./training-run.js";

/** Flags as commander gives them. */
export interface SftFlags extends RunFlags {
  readonly model?: string;
  readonly data?: string;
}

interface Request {
  /** Where the first weights are. */
  readonly model: string;
  readonly data: string;
  readonly options: SftOptions;
  readonly seed: number;
}

/** Held-out sequences whose loss is taken. */
const MAX_VALIDATION = 64;

/** Fine-tunes, or goes on; prints what it came to. */
export async function sft(flags: SftFlags): Promise<void> {
  refuseBesideResume(flags, ["model", "data"]);
  const request = flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume);
  const summary =
    finishedTraining(flags.resume) ?? (await performRun("sft", flags, (context) => tune(context, request, flags)));
  writeResult(flags.json, summary, () =>
    trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "…"`),
  );
}

function requestOf({ model, data, seed = 0, ...flags }: SftFlags): Request {
  if (!model || !data) throw new ConfigError("sft: expected --model <run or model directory> and --data <file.jsonl>");
  return {
    model: resolve(resolveModel(model)),
    data: resolve(data),
    options: sftOptions(applySettings({}, flags, "sft")),
    seed,
  };
}

function recordedRequest(path: string): Request {
  const { options, seed } = configOfRun(path, "sft");
  const { source, ...rest } = options as { source: Pick<Request, "model" | "data"> };
  return { ...source, options: sftOptions(rest), seed };
}

async function tune(context: RunContext, request: Request, flags: SftFlags): Promise<TrainingSummary> {
  const reopened = flags.resume !== undefined ? await reopenRun(context.path, "sft", context) : undefined;
  let run = reopened?.run;
  try {
    const { options, seed } = request;
    // A run that goes on needs its first weights no more.
    const facts = await readModelFacts(reopened?.checkpoint?.directory ?? request.model);
    const compute = options.compute ?? facts.compute;
    const maxTokens = contextOf(facts.config);
    const pairs = readPairs(request.data, facts.tokenizer, { heldOutFraction: options.validationFraction, maxTokens });
    const steps = options.steps ?? Math.ceil((options.epochs * pairs.train.length) / options.batchSequences);
    const data = new ShuffledSequences(pairs.train, seed);
    const outline = outlineOf({ config: facts.config, compute });
    refuseIdle(applySettings({}, flags, "sft"), [
      ["epochs", options.steps !== null, "steps says how long the run is"],
      ...architectureRules(outline),
    ]);
    await tellPlan(context, request, facts, pairs, data, steps);
    const opened = await openModel(facts.directory, { compute });
    run ??= newRun(context, request);
    const { progress, signal, machine } = context;
    const around = {
      run,
      checkpoint: reopened?.checkpoint,
      seed,
      progress,
      signal,
      peakFlops: machine.peakFlops(compute),
    };
    const validation = pairs.heldOut.slice(0, MAX_VALIDATION);
    return await trainRun({ ...around, ...opened, phase: "sft", data, validation, steps, options });
  } finally {
    run?.close();
  }
}

function newRun({ path, machine }: RunContext, { options, seed, model, data }: Request): RunDirectory {
  const recorded = { options: { ...options, source: { model, data } }, fingerprints: fingerprintsOf([data]) };
  return RunDirectory.create({ verb: "sft", path, seed, ...recorded, isa: machine.isa, threads: machine.threads });
}

async function tellPlan(
  { progress }: RunContext,
  { options }: Request,
  facts: ModelFacts,
  { train, heldOut }: PairData,
  data: ShuffledSequences,
  steps: number,
): Promise<void> {
  const batch = batchToPlan(data, options);
  const model = { config: facts.config, compute: options.compute ?? facts.compute };
  const stages = [[await planTraining(model, "fine-tuning", batch, options)]];
  refuseIfTooLarge(stages, () => trainingKnobs(options.microBatchTokens));
  const { total, active } = outlineOf(model);
  const count = (n: number) => Math.round(n).toLocaleString("en-US");
  const lines = planLines(
    [
      [
        "model",
        `${count(total)} parameters, ${count(active)} active per token (${model.config.model_type}, ${model.compute})`,
      ],
      ["data", `${count(train.length)} sequences to train on, ${count(heldOut.length)} held out`],
      [
        "tune",
        `${count(steps)} steps of ${options.batchSequences} sequences, about ` +
          `${count(batch.numTargets * steps)} trained tokens`,
      ],
    ],
    stages,
  );
  for (const line of lines) progress.note(line);
}
