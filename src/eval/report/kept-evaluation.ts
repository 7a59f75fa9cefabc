// An evaluation as a run has kept it: its record and the texts of its samples.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { DataError } from "../../errors.js";
import { readJsonLines } from "../../run/json-lines.js";
import { readRunConfig } from "../../run/run-directory.js";
import type { EvaluationRecord, PartRecord, QuestionRecord } from "../evaluation-record.js";
import type { KeptSample } from "../evaluation-run.js";

/** Files of an evaluation in its run directory. */
export const EVALUATION_FILES = { record: "evaluation.json", samples: "sampled.jsonl" } as const;

/** What a page is made of. */
export interface KeptEvaluation {
  readonly path: string;
  /** What pages call it: the directory's name. */
  readonly name: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly record: EvaluationRecord;
  readonly samples: readonly KeptSample[];
}

/** Reads a finished evaluation. @throws DataError where there is none */
export function readEvaluation(path: string): KeptEvaluation {
  const file = join(path, EVALUATION_FILES.record);
  if (!existsSync(file)) {
    const isThere = existsSync(join(path, EVALUATION_FILES.samples));
    throw new DataError(
      isThere
        ? `${path}: the evaluation has not finished; go on with luciole eval MODEL --resume ${path}`
        : `${path}: expected an evaluation, found no ${EVALUATION_FILES.record}; make one with luciole eval MODEL ` +
            `--out ${path}`,
    );
  }
  return {
    ...{ path, name: basename(path), startedAt: readRunConfig(path).startedAt },
    record: JSON.parse(readFileSync(file, "utf8")) as EvaluationRecord,
    samples: readJsonLines<KeptSample>(join(path, EVALUATION_FILES.samples)),
  };
}

/** The samples of a question, in their order. */
export const samplesOf = ({ samples }: KeptEvaluation, { task }: PartRecord, { id }: QuestionRecord): KeptSample[] =>
  samples.filter(({ part, problem }) => part === task && problem === id).sort((a, b) => a.sample - b.sample);
