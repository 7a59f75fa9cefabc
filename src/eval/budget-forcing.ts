// Accuracy against thought: from a sample that thought long, what the model would have answered after fewer tokens
// (budget forcing, Muennighoff et al. 2025, arXiv 2501.19393). The thought is cut, its end is forced, and an answer is
// sampled. Cached blocks of the thought serve again.
import { CompletionReader } from "../inference/runtime/completion-reader.js";
import type { Sample } from "../inference/runtime/generate.js";
import { hashString } from "../random.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import { singleTurn } from "./episode.js";
import { answered, type TrajectoryStart } from "./rollout.js";
import type { Trajectory } from "./trajectory.js";

/** What a sample answers within a budget of thinking tokens. */
export interface BudgetAnswer {
  readonly budget: number;
  readonly answer: string | null;
  /** New tokens: those of the thought as far as it goes, and of the answer. */
  readonly numTokens: number;
  /** Whether the end of the thought was forced; else the sample itself kept within the budget. */
  readonly isForced: boolean;
}

/** What to cut, and how answers are sampled behind the cut. */
export interface BudgetPlan {
  /** Tokens of thought. */
  readonly budgets: readonly number[];
  /** Tokens of an answer behind a forced end, at most; and of thought and answer together. */
  readonly answerTokens: number;
  readonly maxNewTokens: number;
  readonly tokenizer: Tokenizer;
}

/** The answers of a sample within each budget. */
export function answerWithin(
  { budgets, answerTokens, maxNewTokens, tokenizer }: BudgetPlan,
  start: TrajectoryStart,
  trajectory: Trajectory,
  sample: Sample,
): Promise<BudgetAnswer[]> {
  const { numThinking, completionIds, response } = trajectory;
  return Promise.all(
    budgets.map(async (budget): Promise<BudgetAnswer> => {
      if (numThinking <= budget)
        return { budget, answer: response.answer, numTokens: completionIds.length, isForced: false };
      const cut = completionIds.subarray(0, thoughtStart(tokenizer, trajectory, start) + budget);
      const { form } = start.prompt;
      const completion = await sample({
        prompt: Int32Array.from([...trajectory.promptIds, ...cut]),
        form,
        thinking: { startsInside: true, budget: 0 },
        seed: hashString(`${start.seed}/budget ${budget}`),
        maxNewTokens: Math.min(answerTokens, maxNewTokens - cut.length),
      });
      const { response: forced, completionIds: ids } = answered(start, singleTurn(start, completion));
      return { budget, answer: forced.answer, numTokens: cut.length + ids.length, isForced: true };
    }),
  );
}

/** How many tokens of the completion come before its thought: none where the prompt opened it. */
function thoughtStart(tokenizer: Tokenizer, { completionIds }: Trajectory, { prompt }: TrajectoryStart): number {
  const { startsInside, form } = prompt;
  const reader = new CompletionReader(tokenizer, { startsInside, form }, []);
  let at = 0;
  while (at < completionIds.length && !reader.isThinking) reader.push(completionIds[at++], false, false);
  return at;
}
