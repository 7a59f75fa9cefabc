// Claim: 1 MB of text becomes tokens within a second, with a vocabulary of the size of DeepSeek-V3's. Beside it the
// kept library, one pass. The text is this repository's own sources and pages; the vocabulary is learnt from half of
// them and filled up with pairs drawn at random.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../src/package-root.js";
import { Random } from "../src/random.js";
import { trainBpe } from "../src/tokenizer/bpe-trainer.js";
import { createTokenizer } from "../src/tokenizer/create-tokenizer.js";
import { createLibraryTokenizer, LibraryTokenizer } from "../src/tokenizer/library-tokenizer.js";
import { preTokenizerOf } from "../src/tokenizer/pre-tokenizer-kinds.js";
import type { TokenizerJson } from "../src/tokenizer/tokenizer.js";
import { type Claim, median } from "./claim.js";

const TEXT_BYTES = 1e6;
const LEARNT_TOKENS = 12_000;
const NUM_TOKENS = 128_000;
const RUNS = 3;

/** Sources and pages, as much as is wanted. */
function ownText(): string {
  const files = readdirSync(packageRoot(), { recursive: true, encoding: "utf8" }).sort();
  const wanted = files.filter((file) => /^(src|tests|native|docs|recipes|bench)\/.*\.(ts|cpp|h|md|py)$/.test(file));
  const text = wanted.map((file) => readFileSync(join(packageRoot(), file), "utf8")).join("\n");
  return text.slice(0, TEXT_BYTES);
}

/**
 * Learnt merges first; the drawn ones behind them change no result that the learnt ones decide, but make the tables as
 * large as real ones.
 */
function vocabulary(text: string): TokenizerJson {
  const learnt = trainBpe([text.slice(0, text.length / 2)], { vocabSize: LEARNT_TOKENS });
  const vocab = { ...(learnt.model.vocab as Record<string, number>) };
  const merges = [...(learnt.model.merges ?? [])] as [string, string][];
  const tokens = Object.keys(vocab);
  const numLearnt = tokens.length;
  const random = new Random(1);
  while (tokens.length < NUM_TOKENS) {
    const pair: [string, string] = [tokens[random.below(numLearnt)], tokens[random.below(numLearnt)]];
    const token = pair.join("");
    if (Object.hasOwn(vocab, token)) continue;
    vocab[token] = tokens.push(token) - 1;
    merges.push(pair);
  }
  const { steps } = preTokenizerOf("deepseek-v3");
  return {
    ...learnt,
    pre_tokenizer: { type: "Sequence", pretokenizers: steps },
    model: { ...learnt.model, vocab, merges },
  };
}

function seconds(work: () => unknown): number {
  const started = performance.now();
  work();
  return (performance.now() - started) / 1000;
}

export const tokenize: Claim = async () => {
  const text = ownText();
  const json = vocabulary(text);
  // A new tokenizer each time: nothing of the text is remembered.
  const fresh = Array.from({ length: RUNS }, () => createTokenizer(json));
  if (fresh[0] instanceof LibraryTokenizer)
    throw new Error("the vocabulary of the bench is none that our own loop runs");
  const ours = median(fresh.map((tokenizer) => seconds(() => tokenizer.encode(text))));
  const library = createLibraryTokenizer(json);
  let ids = new Int32Array();
  const peer = seconds(() => (ids = Int32Array.from(library.encode(text))));
  const agree = Buffer.compare(Buffer.from(fresh[0].encode(text).buffer), Buffer.from(ids.buffer)) === 0;
  const note =
    `${ids.length} tokens, ${agree ? "the same from both" : "NOT the same from both"}; the peer is ` +
    `@huggingface/tokenizers, ratio ${(peer / ours).toFixed(0)}`;
  return [
    {
      claim: "tokenize",
      what: `encode ${(text.length / 1e6).toFixed(2)} MB, ${NUM_TOKENS} tokens`,
      unit: "s",
      ours,
      peer,
      reached: ours,
      target: { atMost: 1 },
      note,
    },
  ];
};
