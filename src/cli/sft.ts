// `luciole sft`: fine-tunes a model on prompts and completions.
import { resolve } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { filesOfModel } from "../inference/opening/model-location.js";
import { openModel, readModelFacts, withFrozen } from "../inference/opening/open-model.js";
import { dataFiles } from "../library/data-files.js";
import { architectureRules, refuseIdle } from "../library/idle-settings.js";
import { contextOf } from "../models/rope-scaling.js";
import { fingerprintsOf } from "../run/fingerprints.js";
import type { TrainingSummary } from "../run/records.js";
import { parseOptions } from "../tasks/options.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { readExamples } from "../train/example-data.js";
import { trainedAdapters } from "../train/lora-options.js";
import { batchToPlan, outlineOf, type PlannedModel, planTraining } from "../train/memory-plan.js";
import { adapterRows, count, modelRow, type PlanRow, printPlan } from "../train/plan-lines.js";
import { configOfRun } from "../train/reopen.js";
import { type RunContext, withRun } from "../train/run-context.js";
import { firstOf } from "../train/sequence-list.js";
import { ShuffledSequences } from "../train/shuffled-sequences.js";
import type { SplitSequences } from "../train/token-cache.js";
import { trainRun } from "../train/train-run.js";
import { type SftOptions, sftOptions, sftSchema } from "../train/training-options.js";
import { finishedRun, performRun, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { trainingLines, trainingRemedies } from "./training-run.js";

/** Flags as commander gives them. */
export interface SftFlags extends RunFlags {
  readonly model?: string;
  readonly data?: readonly string[];
}

/** Where the first weights are, and the files of the examples. */
const sourceSchema = z.strictObject({ model: z.string(), data: z.array(z.string()) });

interface Request extends z.output<typeof sourceSchema> {
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
    finishedRun(flags.resume)?.training ?? (await performRun("sft", flags, (context) => tune(context, request, flags)));
  writeResult(flags.json, summary, () =>
    trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "…"`),
  );
}

function requestOf({ model, data, seed = 0, ...flags }: SftFlags): Request {
  if (!model || !data)
    throw new ConfigError("sft: expected --model <run, model directory or .gguf file> and --data <file>");
  return {
    model: resolve(resolveModel(model)),
    data: dataFiles(data),
    options: sftOptions(applySettings({}, flags, "sft")),
    seed,
  };
}

function recordedRequest(path: string): Request {
  const { options, seed } = configOfRun(path, "sft");
  const recorded = parseOptions(sftSchema.extend({ source: sourceSchema }), options, `${path}: options`);
  const { source, ...rest } = recorded;
  return { ...source, options: rest, seed };
}

function tune(context: RunContext, request: Request, flags: SftFlags): Promise<TrainingSummary> {
  return withRun("sft", context, async ({ checkpoint, begin }) => {
    const { options, seed, ...source } = request;
    // A run that goes on needs its first weights no more, unless it trains an adapter over them.
    const facts = await readModelFacts(options.lora ? source.model : (checkpoint?.directory ?? source.model));
    const adapters = trainedAdapters(options.lora, seed);
    const model = { config: facts.config, compute: options.compute ?? facts.compute, adapters };
    const { promptColumn, completionColumn, messagesColumn, textColumn } = options;
    const { train, heldout } = await readExamples(source.data, facts.tokenizer, {
      ...{ promptColumn, completionColumn, messagesColumn, textColumn },
      heldOutFraction: options.validationFraction,
      maxTokens: contextOf(facts.config),
      note: (line) => context.progress.note(line),
    });
    refuseIdle(applySettings({}, flags, "sft"), [
      ["epochs", options.steps !== null, "steps says how long the run is"],
      ...architectureRules(outlineOf(model)),
    ]);
    const steps = options.steps ?? Math.ceil((options.epochs * train.length) / options.batchSequences);
    const data = new ShuffledSequences(train, seed);
    const tellPlan = (planned: PlannedModel) => plan(context, options, planned, { train, heldout }, data, steps);
    await (options.lora ? withFrozen(facts.directory, model, tellPlan) : tellPlan(model));
    const opened = await openModel(facts.directory, { compute: model.compute, adapters });
    const fingerprints = fingerprintsOf([...source.data, ...(options.lora ? filesOfModel(facts.directory) : [])]);
    const run = begin({ seed, options: { ...options, source }, fingerprints, compute: model.compute });
    const validation = firstOf(heldout, MAX_VALIDATION);
    const base = options.lora ? source.model : undefined;
    return trainRun({ ...run, ...opened, checkpoint, base, phase: "sft", data, validation, steps, options });
  });
}

async function plan(
  { progress }: RunContext,
  options: SftOptions,
  model: PlannedModel,
  { train, heldout }: SplitSequences,
  data: ShuffledSequences,
  steps: number,
): Promise<void> {
  const batch = batchToPlan(data, options);
  const stages = [[await planTraining(model, "fine-tuning", batch, options)]];
  const rows: PlanRow[] = [
    modelRow(model),
    ...adapterRows(model),
    ["data", `${count(train.length)} sequences to train on, ${count(heldout.length)} held out`],
    [
      "tune",
      `${count(steps)} steps of ${options.batchSequences} sequences, about ` +
        `${count(batch.numTargets * steps)} trained tokens`,
    ],
  ];
  printPlan(progress, rows, stages, () => trainingRemedies(options.microBatchTokens));
}
