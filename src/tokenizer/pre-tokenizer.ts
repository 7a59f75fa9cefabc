// The `pre_tokenizer` of tokenizer.json as a function that cuts text into the pieces that are merged by themselves.
// Knows the kinds that byte-level vocabularies use; for others there is the kept library.
import { javaScriptPattern } from "./oniguruma.js";

/** GPT-2's expression: contractions, words with their leading space, numbers, other symbols, white space. */
export const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
/**
 * Words with the blank before them, single digits, runs of other signs, white space. A digit is always the same token,
 * so that sums look alike wherever they stand.
 */
export const SINGLE_DIGITS_PATTERN = " ?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Cuts a text and hands on the pieces in order. */
export type Splitter = (text: string, emit: (piece: string) => void) => void;

/** One entry of a `Sequence`, or the whole where there is but one. */
export interface PreTokenizerStep {
  readonly type?: string;
  readonly pattern?: { readonly Regex?: string; readonly String?: string };
  readonly behavior?: string;
  readonly invert?: boolean;
  readonly individual_digits?: boolean;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
  readonly pretokenizers?: readonly PreTokenizerStep[];
}

/**
 * The splitter of a byte-level pre-tokeniser, or undefined for one that is not byte-level or uses what is not known
 * here.
 */
export function byteLevelSplitter(preTokenizer: unknown): Splitter | undefined {
  const steps = preTokenizerSteps(preTokenizer);
  const last = steps.at(-1);
  if (last?.type !== "ByteLevel" || last.add_prefix_space !== false) return undefined;
  const patterns = [
    ...steps.slice(0, -1).map(stepPattern),
    ...(last.use_regex === false ? [] : [javaScriptPattern(GPT2_PATTERN)]),
  ];
  if (patterns.includes(undefined)) return undefined;
  return (patterns as RegExp[]).reduceRight<Splitter>(
    (next, pattern) => isolating(pattern, next),
    (text, emit) => emit(text),
  );
}

/** The steps in order; a lone pre-tokeniser is its own only step. */
export function preTokenizerSteps(preTokenizer: unknown): readonly PreTokenizerStep[] {
  if (typeof preTokenizer !== "object" || preTokenizer === null) return [];
  const step = preTokenizer as PreTokenizerStep;
  return step.type === "Sequence" && Array.isArray(step.pretokenizers)
    ? step.pretokenizers.flatMap(preTokenizerSteps)
    : [step];
}

/** What a step isolates; undefined for a step of another kind. */
function stepPattern(step: PreTokenizerStep): RegExp | undefined {
  if (step.type === "Digits") return javaScriptPattern(step.individual_digits ? "\\p{N}" : "\\p{N}+");
  if (step.type !== "Split" || step.behavior !== "Isolated" || step.invert === true) return undefined;
  if (step.pattern?.Regex !== undefined) return javaScriptPattern(step.pattern.Regex);
  const text = step.pattern?.String;
  return text ? new RegExp(text.replaceAll(/[$^\\.*+?()[\]{}|/]/g, "\\$&"), "gu") : undefined;
}

/** Matches and what lies between them are pieces of their own, each cut further by `next`. */
function isolating(pattern: RegExp, next: Splitter): Splitter {
  return (text, emit) => {
    let end = 0;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
      const { length } = match[0];
      if (match.index > end) next(text.slice(end, match.index), emit);
      end = match.index + length;
      if (length > 0) next(match[0], emit);
      // An empty match cuts, and moves nothing by itself.
      else pattern.lastIndex += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
    }
    if (end < text.length) next(end === 0 ? text : text.slice(end), emit);
  };
}
