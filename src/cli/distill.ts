// `luciole distill`: a student learns from what a teacher says.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import type { DistillSummary } from "../distill/distill-run.js";
import { distillOptions, distillSchema } from "../distill/options.js";
import type { TeacherSource } from "../distill/teachers.js";
import { ConfigError } from "../errors.js";
import { resolveModel } from "../hub/resolve-model.js";
import { dataFiles } from "../library/data-files.js";
import { type DistillRequest, knownStudent, performDistillation } from "../library/distill.js";
import { DATA_TASK } from "../library/modules.js";
import type { RunSummary, TrainingSummary } from "../run/records.js";
import { parseOptions } from "../tasks/options.js";
import { ownCommand, shownPath } from "../terminal/own-command.js";
import { isShape } from "../train/fresh-config.js";
import { configOfRun } from "../train/reopen.js";
import { exampleQuestion } from "./rl.js";
import { finishedRun, performRun, type RunFlags, refuseBesideResume, writeResult } from "./run-verb.js";
import { applySettings } from "./settings.js";
import { summaryLines } from "./summary-table.js";
import { trainingLines } from "./training-run.js";

/** Flags as commander gives them. */
export interface DistillFlags extends RunFlags {
  readonly teacher?: readonly string[];
  readonly student?: string;
  readonly task?: string;
  readonly data?: readonly string[];
}

/** Distils, or goes on; prints what it came to. */
export async function distill(flags: DistillFlags): Promise<void> {
  refuseBesideResume(flags, ["teacher", "student", "task", "data"]);
  const request = flags.resume === undefined ? requestOf(flags) : recordedRequest(flags.resume);
  const finished = finishedRun(flags.resume);
  const summary =
    ((finished?.summary ?? finished?.training) as DistillSummary | undefined) ??
    (await performRun("distill", flags, (context) => performDistillation(context, request, applySettings({}, flags))));
  writeResult(flags.json, summary, () => linesOf(summary));
}

function linesOf(summary: RunSummary | TrainingSummary): string[] {
  return "rlSteps" in summary
    ? summaryLines(summary, exampleQuestion(summary.runDir))
    : trainingLines(summary, `${ownCommand()} run ${shownPath(summary.runDir)} "…"`);
}

function requestOf({ teacher = [], student, task, data, seed = 0, ...flags }: DistillFlags): DistillRequest {
  if (teacher.length === 0 || !student)
    throw new ConfigError(
      "distill: expected --teacher <run, model directory or GGUF file> and --student <model or shape>",
    );
  const name = task ?? (data === undefined ? null : DATA_TASK);
  return {
    teachers: teacher.map(teacherSource),
    student: isShape(student) ? student : resolve(resolveModel(knownStudent(student))),
    task: name && (/\.[cm]?[jt]s$/.test(name) ? resolve(name) : name),
    data: data && dataFiles(data),
    options: distillOptions(applySettings({}, flags)),
    seed,
  };
}

/** `path`, or `domain=path`. */
function teacherSource(text: string): TeacherSource {
  const [, domain, named] = /^([\w-]+)=(.+)$/.exec(text) ?? [];
  const isNamed = domain !== undefined && !existsSync(text);
  return { domain: isNamed ? domain : null, path: resolve(resolveModel(isNamed ? named : text)) };
}

/** What config.json holds of the options: these, and what they are applied to. */
const recordedSchema = distillSchema.extend({
  source: z.strictObject({
    teachers: z.array(z.strictObject({ path: z.string(), domain: z.string().nullable() })),
    student: z.string(),
    task: z.string().nullable(),
    data: z.array(z.string()).optional(),
  }),
});

function recordedRequest(path: string): DistillRequest {
  const { options, seed } = configOfRun(path, "distill");
  const { source, ...rest } = parseOptions(recordedSchema, options, `${path}: options`);
  return { ...source, options: rest, seed };
}
