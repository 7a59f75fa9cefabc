// Answers that obey a JSON schema: compiles schemas to grammars over a tokenizer's vocabulary and tells which tokens may come next.
// The grammar engine is kept: @mlc-ai/web-xgrammar. Knows no model.

/** What an answer's next token may be. */
export interface AnswerConstraint {
  /** Whether the answer is complete and nothing may follow. */
  readonly isComplete: boolean;
  /** Bit mask of the tokens allowed next (see `maskLogits`). */
  mask(): Promise<Int32Array>;
  /** Takes the next token; false, and no change, where it is not allowed. */
  accept(id: number): boolean;
  /** Takes back the last `count` tokens. */
  rollback(count: number): void;
  dispose(): void;
}
