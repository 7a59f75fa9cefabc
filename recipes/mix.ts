// Several small models against one larger one, at equal compute: specialists, each pretrained and reinforced on its own
// kind of problem, behind a learnt router; and one model with more parameters than all of them, trained on everything
// for at least the same time. Both are measured on all kinds of problems, alone, with votes at equal tokens, and as a
// cascade. This file is the list of its stages.
import { join } from "node:path";
import { writeFileAtomically } from "../src/atomic-file.js";
import { innerRun } from "../src/train/inner-run.js";
import { type RunContext, withRun } from "../src/train/run-context.js";
import { type Measurement, measure } from "./mix/measure.js";
import { MIX_FILES, type MixName, makeMixes, makeVotes, modelFolder } from "./mix/mixes.js";
import { LARGER, type MixRecipeOptions, modelOptions } from "./mix/options.js";
import { writeMixReport } from "./mix/report.js";
import { StageTimes } from "./mix/stage-times.js";
import { claimsOf, type MixSummary, type TrainedModel, trainedModel } from "./mix/summary.js";
import { runR1 } from "./r1.js";

export { MIX_PRESETS, type MixPreset, type MixRecipeOptions, mixRecipeOptions } from "./mix/options.js";
export { MIX_LABELS, mixSeedsReport, writeMixReport } from "./mix/report.js";
export type { MixSummary } from "./mix/summary.js";

/** The order of the measurements: votes of the mix come when the tokens of both are known. */
const MEASURED = ["larger", "mix", "largerVotes", "mixVotes", "cascade"] as const satisfies readonly MixName[];

/**
 * Runs the recipe, or goes on with a run: a model that is trained, a fit and a measurement that are there are not made
 * again. Throws Interrupted when the signal fires, and as `runR1`.
 */
export function runMix(options: MixRecipeOptions, seed: number, context: RunContext): Promise<MixSummary> {
  return withRun("mix", context, async ({ begin }) => {
    const { path } = begin({ seed, options, compute: options.compute }).run;
    const run = { ...context, path };
    const times = new StageTimes(path);
    const models = await trainModels(options, seed, run, times);
    await times.during("fit", () => makeMixes(path, options, seed, run));
    const measured = {} as Record<MixName, Measurement>;
    for (const name of MEASURED) {
      const { larger, mix } = measured;
      if (name === "mixVotes") makeVotes(path, options.measure.votes, larger.tokensPerAnswer, mix.tokensPerAnswer);
      measured[name] = await times.during(MIX_FILES[name], () => measure(name, options, seed, run));
    }
    const measurements = MEASURED.map((name) => {
      const { scores: _, ...shown } = measured[name];
      return shown;
    });
    const summary = { seed, models, measurements, claims: claimsOf(models, measured), runDir: path };
    writeFileAtomically(join(path, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
    writeMixReport(path, summary);
    return summary;
  });
}

/** Each specialist, then the larger model, in runs of their own inside the run. */
async function trainModels(
  options: MixRecipeOptions,
  seed: number,
  context: RunContext,
  times: StageTimes,
): Promise<TrainedModel[]> {
  const models: TrainedModel[] = [];
  for (const name of [...Object.keys(options.specialists), LARGER]) {
    const folder = join(context.path, modelFolder(name));
    const summary = await times.during(name, () =>
      innerRun(context, folder, (own) => runR1(modelOptions(options, name), seed, own)),
    );
    models.push(trainedModel(name, summary, times.totals()[name]));
  }
  return models;
}
