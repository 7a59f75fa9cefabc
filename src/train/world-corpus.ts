// The pretraining corpus of the recipes with several tasks: the world's documents as token sequences, and a BPE
// tokenizer trained on them. Sequence i is a pure function of (options, seed, i).
import { RESPONSE_TAGS } from "../tasks/response.js";
import type { Split } from "../tasks/task.js";
import type { World } from "../tasks/world.js";
import { trainBpe } from "../tokenizer/bpe-trainer.js";
import { createTokenizer } from "../tokenizer/create-tokenizer.js";
import { SINGLE_DIGITS_PATTERN } from "../tokenizer/pre-tokenizer.js";
import type { Tokenizer } from "../tokenizer/tokenizer.js";
import type { TrainSequence } from "./batch.js";

/** Documents that a tokenizer is trained on; more change few of its merges. */
const TOKENIZER_DOCUMENTS = 4000;

/** The text that a document is to a model. */
export function worldText(world: World, index: number, split: Split): string {
  const { prompt, completion } = world.row(index, split);
  return prompt + completion;
}

/** A byte-level BPE tokenizer of at most `vocabSize` tokens, trained on the first documents of the training split. */
export function worldTokenizer(world: World, vocabSize: number): Tokenizer {
  const texts = Array.from({ length: TOKENIZER_DOCUMENTS }, (_, index) => worldText(world, index, "train"));
  const specialTokens = { bos: "<bos>", eos: "<eos>", pad: "<pad>", tags: [...RESPONSE_TAGS] };
  const json = trainBpe(texts, { vocabSize, specialTokens, pattern: SINGLE_DIGITS_PATTERN });
  return createTokenizer(json, { bos_token: "<bos>", eos_token: "<eos>", pad_token: "<pad>" });
}

/** An endless corpus and its held-out twin (problems the training split never holds). */
export class WorldCorpus {
  constructor(
    private readonly world: World,
    private readonly tokenizer: Tokenizer,
  ) {}

  /** Sequences [from, from+count): begin token, prompt, response, end token. */
  sequences(from: number, count: number, split: Split = "train"): TrainSequence[] {
    return Array.from({ length: count }, (_, i) => this.sequence(from + i, split));
  }

  private sequence(index: number, split: Split): TrainSequence {
    const ids = this.tokenizer.encode(worldText(this.world, index, split), { addSpecialTokens: true });
    const whole = new Int32Array(ids.length + 1);
    whole.set(ids);
    whole[ids.length] = this.tokenizer.eosId as number;
    return { ids: whole };
  }
}
