// Where the pre-tokenisers of GGUF files cut, against Hugging Face's `tokenizers` with the regexes of llama.cpp's list.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { byteLevelSplitter } from "../../src/tokenizer/pre-tokenizer.js";
import {
  PRE_TOKENIZER_KINDS,
  type PreTokenizerKind,
  preTokenizerKind,
  preTokenizerKindOf,
  preTokenizerOf,
} from "../../src/tokenizer/pre-tokenizer-kinds.js";

interface Golden {
  readonly texts: readonly string[];
  readonly kinds: Readonly<Record<string, readonly (readonly number[])[]>>;
}

const golden: Golden = JSON.parse(readFileSync(new URL("pre-tokenizers.json", import.meta.url), "utf8"));
/** Whose ids are compared in tokenizers.test.ts. */
const COMPARED_BY_IDS = [
  "deepseek-llm",
  "deepseek-coder",
  "deepseek-v3",
  "deepseek-r1-qwen",
  "qwen2",
  "llama-bpe",
  "gpt-2",
];

function endsOf(kind: PreTokenizerKind, text: string): number[] {
  const { steps } = preTokenizerOf(kind);
  const split = byteLevelSplitter({ type: "Sequence", pretokenizers: steps });
  const ends: number[] = [];
  split?.(text, (piece) => ends.push((ends.at(-1) ?? 0) + [...piece].length));
  return ends;
}

describe.each(Object.keys(golden.kinds) as PreTokenizerKind[])("%s", (kind) => {
  test("cuts every text where Hugging Face's tokenizers do", () => {
    for (const [i, text] of golden.texts.entries())
      expect({ text, ends: endsOf(kind, text) }).toEqual({ text, ends: golden.kinds[kind][i] });
  });

  test("is told by its definition, or as a kind of the same steps", () => {
    const { steps, ignoreMerges } = preTokenizerOf(kind);
    const told = preTokenizerKind({ type: "Sequence", pretokenizers: steps }, { ignoresMerges: ignoreMerges });
    expect(told && preTokenizerOf(told).steps).toEqual(steps);
    expect(told && preTokenizerOf(told).ignoreMerges).toBe(ignoreMerges);
  });
});

test("every kind is compared with another's cuts or ids", () => {
  expect([...Object.keys(golden.kinds), ...COMPARED_BY_IDS].sort()).toEqual([...PRE_TOKENIZER_KINDS].sort());
});

test("files name kinds by several names", () => {
  const names = [
    "smollm",
    "starcoder",
    "qwen35",
    "llama4",
    "gpt-4o",
    "tekken",
    "llama3",
    "glm4",
    "megrez",
    "cohere2moe",
    "gemma4",
    "roberta-bpe",
  ];
  expect(names.map(preTokenizerKindOf)).toEqual([
    ...["smollm", "smollm", "qwen35", "gpt-4o", "gpt-4o", "tekken", "llama-bpe", "dbrx", "stablelm2", "tiny_aya"],
    ...[undefined, undefined],
  ]);
});
