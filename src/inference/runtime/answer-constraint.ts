// What the runtime asks of whoever makes answers obey a JSON schema. Knows no grammar and no thread.
import type { Tokenizer } from "../../tokenizer/tokenizer.js";

/** What an answer's next token may be. */
export interface AnswerConstraint {
  /** Whether the answer is complete and nothing may follow. */
  readonly isComplete: boolean;
  /** Bit mask of the tokens allowed next (see `maskLogits`). Throws ConfigError where the schema leaves none. */
  mask(): Promise<Int32Array>;
  /** Takes the next token; false, and no change, where it is not allowed. */
  accept(id: number): boolean;
  /** Takes back the last `count` tokens. */
  rollback(count: number): void;
  dispose(): void;
}

/** Makes the answers of one tokenizer obey schemas. */
export interface SchemaFollower {
  /**
   * The constraint of one answer, to be disposed. The answer ends with one of `stopIds`, which only a complete answer
   * allows; without any it ends itself. `hasLead`: whether blanks and newlines may stand before it, as models write
   * them behind a thought. Throws ConfigError for a schema that is not one, cannot be enforced, or takes
   * too long; also when the signal ends the wait.
   */
  constrain(
    schema: object | boolean,
    stopIds: readonly number[],
    signal?: AbortSignal,
    hasLead?: boolean,
  ): Promise<AnswerConstraint>;
  /** Ends all it holds. */
  dispose(): void;
}

/** Makes the follower of an engine; `vocabSize` is the model's, which may exceed the tokenizer's. */
export type FollowSchemas = (tokenizer: Tokenizer, vocabSize: number) => SchemaFollower;
