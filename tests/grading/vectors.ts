// The committed answers: in each line `same` are spellings of one answer, `other` are different ones.
import { readFileSync } from "node:fs";

/** One answer: its first spelling is the gold one. */
export interface Vector {
  readonly kind: string;
  readonly same: readonly string[];
  readonly other: readonly string[];
}

/** All lines of vectors.jsonl. */
export function readVectors(): Vector[] {
  const text = readFileSync(new URL("vectors.jsonl", import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Vector);
}
