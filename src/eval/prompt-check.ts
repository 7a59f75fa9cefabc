// Looks at every prompt of a task before anything is sampled: that it can be encoded, and that prompt and completion
// fit into the model.

import { atPlace } from "../data/row.js";
import { ConfigError, DataError } from "../errors.js";
import type { Problem, Split, Task } from "../tasks/task.js";
import { type Prompting, prompterOf } from "./problem-prompt.js";

/** How problems become tokens. */
export interface PromptEncoding extends Prompting {
  readonly task: Task;
}

/** Room for a prompt and a completion. */
export interface PromptRoom {
  /** Positions of the model. */
  readonly context: number;
  /** Tokens of a completion at most. */
  readonly newTokens: number;
  /** The option that bounds completions, by its name: `rl.maxCompletionLength=` or `--max-tokens `. */
  readonly option: string;
}

/** Problems looked at of a split that has no fixed list. */
const SAMPLED_PROBLEMS = 64;

/**
 * All problems of a task that lists them, some of one that makes them without end. Throws the task's own error where a
 * split has none.
 */
export function* problemsToCheck(
  task: Task,
  seed: number,
  splits: readonly Split[] = ["train", "heldout"],
): Generator<Problem> {
  for (const split of splits) {
    const count = Math.max(1, task.numProblems?.[split] ?? SAMPLED_PROBLEMS);
    for (let index = 0; index < count; index++) yield task.generate(seed, index, split);
  }
}

/**
 * Encodes the prompts; gives the length of the longest, begin token included. Throws DataError (ConfigError for a
 * generated problem) naming the line whose prompt cannot be encoded, has no token, or leaves no room for a completion.
 */
export function longestPrompt(
  problems: Iterable<Problem>,
  { task, ...policy }: PromptEncoding,
  room: PromptRoom,
): number {
  const prompter = prompterOf(policy);
  let longest = { tokens: 0, where: "", source: undefined as string | undefined };
  for (const problem of problems) {
    const where = problem.source ?? `task ${task.name}, problem ${JSON.stringify(problem.id.slice(0, 60))}`;
    const tokens = atPlace(where, () => prompter(task, problem)).ids.length;
    if (tokens === 0)
      throw new DataError(
        `${where}: the prompt has no tokens: it is empty, or the tokenizer knows none of its characters`,
      );
    if (tokens > longest.tokens) longest = { tokens, where, source: problem.source };
  }
  refuseIfTooLong(longest, room);
  return longest.tokens;
}

function refuseIfTooLong(
  { tokens, where, source }: { tokens: number; where: string; source?: string },
  { context, newTokens, option }: PromptRoom,
): void {
  const left = context - tokens;
  if (newTokens <= left) return;
  const shorten =
    source === undefined ? "use a shorter template or a model with a longer context" : "shorten or remove the line";
  const mend = left > 0 ? `${shorten}, or set ${option}${left} or less` : shorten;
  const Kind = source === undefined ? ConfigError : DataError;
  throw new Kind(
    `${where}: the prompt has ${tokens} tokens and the completion up to ${newTokens}, together ` +
      `${tokens + newTokens}, but the model's context is ${context}; ${mend}`,
  );
}
