// Steps of GRPO on an adapter, with problems that are random texts and a reward that differs from completion to
// completion: all of the work of a step and none of the thought. Ours; bench/peers/grpo_trl.py is the peer.
import type { LanguageModel } from "../src/models/language-model.js";
import { Random } from "../src/random.js";
import { parseGrpoOptions } from "../src/rl/config.js";
import { GrpoTrainer } from "../src/rl/grpo-trainer.js";
import { createArithmeticTask } from "../src/tasks/arithmetic.js";
import { sampleReward } from "../src/tasks/reward.js";
import type { Task } from "../src/tasks/task.js";
import { createCharTokenizer } from "../src/tokenizer/char-tokenizer.js";
import { shapes } from "./workload.js";

/** A character for every token, from planes without white space and surrogates. */
const alphabetOf = (size: number): string =>
  Array.from({ length: size }, (_, i) => String.fromCodePoint(0x10000 + i)).join("");

/** A problem is a text of so many random tokens. */
function randomTexts(alphabet: string): Task {
  const characters = [...alphabet];
  const arithmetic = createArithmeticTask({ maxDigits: 3 }) as unknown as Task;
  const renderPrompt: Task["renderPrompt"] = ({ id }) => {
    const random = new Random(1).fork(id);
    return Array.from({ length: shapes.grpo.promptTokens }, () => random.pick(characters)).join("");
  };
  return { ...arithmetic, renderPrompt };
}

/** The share of even tokens: no two completions are alike in it for long. */
const evenShare = sampleReward(
  "even_share",
  ({ completionIds }) => Array.from(completionIds).filter((id) => id % 2 === 0).length / completionIds.length,
);

/** What the steps are run by. Every completion has its full length: nothing ends one. */
export function grpoTrainer(model: LanguageModel): GrpoTrainer {
  const { prompts, completions, promptTokens, newTokens } = shapes.grpo;
  const alphabet = alphabetOf(model.vocabSize);
  const tokenizer = createCharTokenizer(alphabet);
  const policy = { model, tokenizer, template: "plain" as const, stopIds: [] };
  const options = parseGrpoOptions({
    ...{ steps: 1000, numPrompts: prompts, numGenerations: completions, maxCompletionLength: newTokens },
    // Group by group, as the peer.
    microBatchTokens: completions * (promptTokens + newTokens),
    ...{ learningRate: shapes.optimizer.lr, maxGradNorm: shapes.optimizer.maxNorm },
  });
  return new GrpoTrainer(policy, randomTexts(alphabet), [evenShare], options, shapes.streamSeed);
}
