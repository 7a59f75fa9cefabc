// Trains a byte-level BPE (Sennrich et al. 2016; bytes as in GPT-2) from text. Produces tokenizer.json; does not
// encode. Ids, merge order and ties follow huggingface/tokenizers' BpeTrainer: same corpus, same vocabulary. One
// difference: special tokens that occur in the corpus separate words here, there they are trained on as text.
import { z } from "zod";
import { ConfigError } from "../errors.js";
import { CHARACTER_OF_BYTE, toByteCharacters } from "./byte-alphabet.js";
import { byteLevelJson } from "./byte-tokenizer.js";
import { PairHeap } from "./pair-heap.js";
import { GPT2_PATTERN } from "./pre-tokenizer.js";
import { numberSpecialTokens, SpecialTokenMatcher, specialTokenRoles } from "./special-tokens.js";
import type { SpecialToken, TokenizerJson } from "./tokenizer.js";

const schema = z.strictObject({
  /** Upper bound, special tokens and the 256 bytes included; a small corpus may not fill it. */
  vocabSize: z
    .number()
    .int()
    .max(1 << 20),
  /** Pairs rarer than this are not merged. */
  minFrequency: z.number().int().min(1).default(2),
  specialTokens: z
    .strictObject({
      bos: z.string().optional(),
      eos: z.string().optional(),
      pad: z.string().optional(),
      tags: z.array(z.string()).optional(),
    })
    .default({}),
  /**
   * Another pre-tokeniser expression, in the common subset of JavaScript and Oniguruma; text between matches is kept.
   */
  pattern: z.string().optional(),
});

/** Size of the vocabulary and how the text is split before merging. */
export type BpeTrainerOptions = z.input<typeof schema>;

/**
 * Learns merges until the vocabulary is full or no pair is frequent enough. Ids: special tokens, bytes by the code
 * point of their character, merges in order. @throws ConfigError on bad options
 */
export function trainBpe(texts: Iterable<string>, input: BpeTrainerOptions): TokenizerJson {
  const trainer = new BpeTrainer(input);
  for (const text of texts) trainer.add(text);
  return trainer.train();
}

/** `trainBpe` for texts that come one by one: keeps the number of times each word occurs, and no text. */
export class BpeTrainer {
  readonly #options: z.output<typeof schema>;
  readonly #specialTokens: readonly SpecialToken[];
  readonly #words: WordCounts;

  /** @throws ConfigError on bad options */
  constructor(input: BpeTrainerOptions) {
    const parsed = schema.safeParse(input);
    if (!parsed.success)
      throw new ConfigError(`BPE trainer: ${parsed.error.issues[0].path.join(".")}: ${parsed.error.issues[0].message}`);
    this.#options = parsed.data;
    this.#specialTokens = numberSpecialTokens(parsed.data.specialTokens);
    const minSize = this.#specialTokens.length + CHARACTER_OF_BYTE.length;
    if (parsed.data.vocabSize < minSize)
      throw new ConfigError(
        `BPE trainer: vocabSize must be at least ${minSize} (special tokens and bytes), got ${parsed.data.vocabSize}`,
      );
    this.#words = new WordCounts(compilePattern(parsed.data.pattern), new SpecialTokenMatcher(this.#specialTokens));
  }

  /** Counts the words of a text. */
  add(text: string): void {
    this.#words.add(text);
  }

  /** The tokenizer of all texts so far. */
  train(): TokenizerJson {
    const { vocabSize, minFrequency, pattern, specialTokens: roles } = this.#options;
    const specialTokens = this.#specialTokens;
    const tokens = [...specialTokens.map(({ token }) => token), ...[...CHARACTER_OF_BYTE].sort()];
    const merges = new MergeLearner(tokens, this.#words.inBytes()).learn(vocabSize, minFrequency);
    const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
    const { bosId } = specialTokenRoles(roles, specialTokens);
    return byteLevelJson({ vocab, merges, specialTokens, bosId, pattern });
  }
}

function compilePattern(pattern: string | undefined): RegExp {
  try {
    return new RegExp(pattern ?? GPT2_PATTERN, "gu");
  } catch (error) {
    throw new ConfigError(`BPE trainer: pattern is not a valid expression: ${(error as Error).message}`);
  }
}

/** Occurrences of every pre-token. Special tokens in the text separate and are not counted. */
class WordCounts {
  readonly #counts = new Map<string, number>();

  constructor(
    readonly pattern: RegExp,
    readonly matcher: SpecialTokenMatcher,
  ) {}

  add(text: string): void {
    for (const part of splitAtSpecials(text, this.matcher)) {
      let end = 0;
      for (const match of part.matchAll(this.pattern)) {
        this.#count(part.slice(end, match.index));
        this.#count(match[0]);
        end = match.index + match[0].length;
      }
      this.#count(part.slice(end));
    }
  }

  /** Words in byte characters, in the order in which they came. */
  inBytes(): Map<string, number> {
    return new Map([...this.#counts].map(([word, occurrences]) => [toByteCharacters(word), occurrences]));
  }

  #count(word: string): void {
    if (word !== "") this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
  }
}

function splitAtSpecials(text: string, matcher: SpecialTokenMatcher): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; ) {
    const special = matcher.matchAt(text, at);
    if (special !== undefined) {
      parts.push(text.slice(start, at));
      start = at + special.token.length;
    }
    at += special?.token.length ?? 1;
  }
  return [...parts, text.slice(start)];
}

/** Two ids in one number; ids stay below 2^20, so it is exact, and its order is that of (left, right). */
const PAIR_BASE = 1 << 21;
const pairKey = (left: number, right: number): number => left * PAIR_BASE + right;

/**
 * Keeps every pair's count and the words it occurs in up to date, so that a merge costs only the words that it changes.
 */
class MergeLearner {
  readonly #words: number[][] = [];
  readonly #occurrences: number[] = [];
  readonly #pairCounts = new Map<number, number>();
  /** Words a pair occurs in or once did; a word that no longer holds it is skipped when its turn comes. */
  readonly #wordsOfPair = new Map<number, Set<number>>();
  readonly #heap = new PairHeap();
  readonly #idOfToken: Map<string, number>;

  /** `tokens` grows by every merged token. */
  constructor(
    readonly tokens: string[],
    words: ReadonlyMap<string, number>,
  ) {
    this.#idOfToken = new Map(tokens.map((token, id) => [token, id]));
    for (const [word, occurrences] of words) {
      this.#words.push([...word].map((character) => this.#idOfToken.get(character) as number));
      this.#occurrences.push(occurrences);
    }
    for (let word = 0; word < this.#words.length; word++) this.#addPairs(word, 1);
    for (const [key, count] of this.#pairCounts) this.#heap.push(key, count);
  }

  learn(vocabSize: number, minFrequency: number): [string, string][] {
    const merges: [string, string][] = [];
    while (this.tokens.length < vocabSize && this.#heap.size > 0) {
      const { key, count } = this.#heap.pop();
      const current = this.#pairCounts.get(key) ?? 0;
      if (current !== count) {
        // The count changed after the entry was made: put it back where it belongs now.
        if (current > 0) this.#heap.push(key, current);
        continue;
      }
      if (count < minFrequency) break;
      merges.push(this.#merge(key));
    }
    return merges;
  }

  #merge(key: number): [string, string] {
    const [left, right] = [Math.floor(key / PAIR_BASE), key % PAIR_BASE];
    const token = this.tokens[left] + this.tokens[right];
    const id = this.#idOfToken.get(token) ?? this.tokens.push(token) - 1;
    this.#idOfToken.set(token, id);
    const grown = new Set<number>();
    for (const word of this.#wordsOfPair.get(key) ?? []) {
      const before = this.#words[word];
      const after = mergeSymbols(before, left, right, id);
      if (after.length === before.length) continue;
      this.#addPairs(word, -1);
      this.#words[word] = after;
      this.#addPairs(word, 1);
      for (const pair of pairsWith(after, id)) grown.add(pair);
    }
    this.#wordsOfPair.delete(key);
    for (const pair of grown) this.#heap.push(pair, this.#pairCounts.get(pair) ?? 0);
    return [this.tokens[left], this.tokens[right]];
  }

  /** Adds (sign 1) or takes away (sign -1) the pairs of one word, as often as the word occurs. */
  #addPairs(word: number, sign: 1 | -1): void {
    const symbols = this.#words[word];
    for (let i = 0; i + 1 < symbols.length; i++) {
      const key = pairKey(symbols[i], symbols[i + 1]);
      this.#pairCounts.set(key, (this.#pairCounts.get(key) ?? 0) + sign * this.#occurrences[word]);
      if (sign > 0) this.#wordsOfPair.set(key, (this.#wordsOfPair.get(key) ?? new Set()).add(word));
    }
  }
}

function mergeSymbols(symbols: readonly number[], left: number, right: number, id: number): number[] {
  const merged: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      merged.push(id);
      i++;
    } else merged.push(symbols[i]);
  }
  return merged;
}

/** The pairs that a merge can have made more frequent: those with the merged symbol on either side. */
function pairsWith(symbols: readonly number[], id: number): number[] {
  return symbols
    .slice(1)
    .flatMap((right, i) => (symbols[i] === id || right === id ? [pairKey(symbols[i], right)] : []));
}
