// The pretraining corpus: Countdown searches right and wrong, as token sequences. Sequence i is a pure function of
// (seed, i), so a position in the data is one number.
import { Random } from "../random.js";
import { type CountdownOptions, createCountdownTask } from "../tasks/countdown.js";
import { searchTrace, type TraceOptionsInput, traceOptions } from "../tasks/countdown-traces.js";
import { RESPONSE_TAGS } from "../tasks/response.js";
import { COMPACT_PROMPT_ALPHABET } from "../tasks/templates.js";
import { createCharTokenizer } from "../tokenizer/char-tokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { TrainSequence } from "./batch.js";

/** One token per character and per response tag. */
export function traceTokenizer(): Tokenizer {
  const alphabet = [...new Set([...COMPACT_PROMPT_ALPHABET, ...",!"])].join("");
  return createCharTokenizer(alphabet, { bos: "<bos>", eos: "<eos>", pad: "<pad>", tags: [...RESPONSE_TAGS] });
}

/** An endless corpus and its held-out twin (problems the training split never holds). */
export class TraceCorpus {
  private readonly task;
  private readonly options;
  private readonly stream: Random;

  constructor(
    private readonly tokenizer: Tokenizer,
    task: CountdownOptions,
    traces: TraceOptionsInput,
    private readonly seed: number,
  ) {
    this.task = createCountdownTask(task);
    this.options = traceOptions(traces);
    this.stream = new Random(seed).fork("corpus");
  }

  /**
   * Sequences [from, from+count): begin token, prompt, response, end token. Nothing is filtered by whether it is right.
   */
  sequences(from: number, count: number, split: "train" | "heldout" = "train"): TrainSequence[] {
    return Array.from({ length: count }, (_, i) => this.sequence(from + i, split));
  }

  private sequence(index: number, split: "train" | "heldout"): TrainSequence {
    const problem = this.task.generate(this.seed, index, split);
    const { text } = searchTrace(problem, this.stream.fork(split).fork(index), this.options);
    const ids = this.tokenizer.encode(this.task.renderPrompt(problem, "compact") + text, { addSpecialTokens: true });
    const whole = new Int32Array(ids.length + 1);
    whole.set(ids);
    whole[ids.length] = this.tokenizer.eosId as number;
    return { ids: whole };
  }
}
