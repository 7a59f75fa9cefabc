// What `reward-model` and `dpo` share at the command line: the request, a new run or one that goes on, the result.
import { resolve } from "node:path";
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { dataFiles } from "../library/data-files.js";
import type { PreferenceRequest } from "../library/preference-run.js";
import type { TrainingSummary } from "../run/records.js";
import { parseOptions } from "../tasks/options.js";
import { configOfRun } from "../train/reopen.js";
import type { RunContext } from "../train/run-context.js";
import { finishedRun, performRun, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";

/** Flags as commander gives them. */
export interface PreferenceFlags extends RunFlags {
  readonly model?: string;
  readonly data?: readonly string[];
}

/** What tells the verbs apart. */
export interface PreferenceVerb<O extends object> {
  readonly schema: z.ZodObject;
  readonly optionsOf: (input: unknown) => O;
  readonly train: (context: RunContext, request: PreferenceRequest<O>, given: object) => Promise<TrainingSummary>;
  /** Lines for a person at the end. */
  readonly lines: (summary: TrainingSummary) => readonly string[];
}

/** Where the first weights are, and the files of the rows. */
const sourceSchema = z.strictObject({ model: z.string(), data: z.array(z.string()) });

/** Trains, or goes on; prints what it came to. */
export async function preferenceVerb<O extends object>(
  name: string,
  flags: PreferenceFlags,
  { schema, optionsOf, train, lines }: PreferenceVerb<O>,
): Promise<void> {
  refuseBesideResume(flags, ["model", "data"]);
  const given = applySettings({}, flags, name);
  const request = flags.resume === undefined ? requestOf() : recordedRequest(flags.resume);
  const summary =
    finishedRun(flags.resume)?.training ?? (await performRun(name, flags, (context) => train(context, request, given)));
  writeResult(flags.json, summary, () => lines(summary));

  function requestOf(): PreferenceRequest<O> {
    const { model, data, seed = 0 } = flags;
    if (!model || !data) throw new ConfigError(`${name}: expected --model <run or model directory> and --data <file>`);
    return { model: resolve(resolveModel(model)), data: dataFiles(data), options: optionsOf(given), seed };
  }

  function recordedRequest(path: string): PreferenceRequest<O> {
    const { options, seed } = configOfRun(path, name);
    const { source, ...rest } = parseOptions(schema.extend({ source: sourceSchema }), options, `${path}: options`);
    return { ...(source as z.output<typeof sourceSchema>), options: optionsOf(rest), seed };
  }
}
