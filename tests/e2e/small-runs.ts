// The smallest runs that are whole: a byte model of two layers, and its reinforcement on data and rewards of a test's
// own. Knows no fault.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { settings, succeed } from "./command.js";

const SHAPE = {
  "model.hidden_size": 32,
  "model.num_hidden_layers": 2,
  "model.intermediate_size": 48,
  "model.max_position_embeddings": 96,
};

/** Arguments that pretrain the model on `corpus` into `out`. */
export const pretrain = (corpus: string, out: string, values: Readonly<Record<string, unknown>> = {}): string[] => [
  ...["pretrain", "--corpus", corpus, "--model", "llama-tiny", "--tokenizer", "byte", "--json", "--out", out],
  ...settings({ ...SHAPE, batchSequences: 4, validationEverySteps: 4, ...values }),
];

/** Makes `folder/model`, a run to start from, and `folder/task.jsonl`, eight problems. */
export async function makeSmallModel(folder: string): Promise<void> {
  writeFileSync(join(folder, "book.txt"), Array.from({ length: 40 }, (_, i) => `line ${i} of a small book\n`).join(""));
  writeFileSync(
    join(folder, "task.jsonl"),
    Array.from({ length: 8 }, (_, i) => `{"prompt":"${i} and ${i}?","answer":"${2 * i}"}\n`).join(""),
  );
  await succeed(pretrain(join(folder, "book.txt"), join(folder, "model"), { steps: 2 }));
}

/** Settings of the smallest reinforcement. */
export const ROUNDS = {
  "rl.steps": 3,
  "rl.numPrompts": 2,
  "rl.numGenerations": 4,
  "rl.maxCompletionLength": 8,
  "rl.learningRate": 1e-3,
  "evaluation.problems": 1,
  "evaluation.samplesPerProblem": 2,
  "evaluation.quickProblems": 1,
  checkpointSeconds: 1000,
};

/**
 * Arguments that reinforce the model of `folder` on its task, plainly worded, for the reward in `folder/<reward>`, into
 * `folder/<out>`.
 */
export const reinforce = (
  folder: string,
  reward: string,
  out: string,
  values: Readonly<Record<string, unknown>> = {},
): string[] => [
  ...[
    "rl",
    "--model",
    join(folder, "model"),
    "--data",
    join(folder, "task.jsonl"),
    "--reward",
    join(folder, reward),
    "--json",
    "--out",
    join(folder, out),
  ],
  ...settings({ template: "plain", ...ROUNDS, ...values }),
];

/** A reward that differs from sample to sample even in a model that knows nothing. */
export const BYTES_REWARD = `export default function bytes({ completionIds }: { completionIds: ArrayLike<number> }) {
  return Array.from(completionIds).reduce((sum, id) => sum + (id % 7), 0) / 64;
}
`;
