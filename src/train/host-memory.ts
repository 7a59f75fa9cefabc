// What a phase keeps in the program's own memory beside its tensors, and whether that fits into this machine. Knows no options of any verb.
import { BackendError } from "../errors.js";
import { availableBytes, formatMemory } from "../run/memory-text.js";

/** What is kept, and what to turn down when it is too much. */
export interface HostNeed {
  /** The phase, for messages. */
  readonly name: string;
  readonly what: string;
  readonly bytes: number;
  readonly mend: string;
}

/** Of one completion: its request and result as objects; and for each token its id, log-probability, text, and what is gathered while it is sampled. */
const COMPLETION_BYTES = 3000;
const COMPLETION_TOKEN_BYTES = 32;
/** Of one training sequence: the objects around its ids, and the ids. */
const SEQUENCE_BYTES = 200;
const ID_BYTES = 4;

/** Bytes of so many completions of at most so many tokens. */
export const completionBytes = (count: number, tokens: number): number => count * (COMPLETION_BYTES + COMPLETION_TOKEN_BYTES * tokens);

/** Bytes of so many training sequences of so many tokens on average. */
export const sequenceBytes = (count: number, tokens: number): number => count * (SEQUENCE_BYTES + ID_BYTES * tokens);

/** Throws BackendError with the figures and the mend when the need alone exceeds what is free. */
export function refuseHostNeed({ name, what, bytes, mend }: HostNeed, available = availableBytes()): void {
  if (bytes <= available) return;
  throw new BackendError(
    `out of memory foreseen: ${name} keeps ${what}, about ${formatMemory(bytes)} of the program's own memory, and ${formatMemory(available)} are free; ${mend}`,
  );
}
