// What a phase keeps in the program's own memory beside its tensors, and whether that fits into this machine. Knows no
// options of any verb.
import { getHeapStatistics } from "node:v8";
import { BackendError } from "../errors.js";
import { availableBytes } from "../free-memory.js";
import { formatMemory } from "../number-text.js";

/** Bytes in all, and those of them that are objects and texts: Node bounds these apart, however much memory is free. */
export interface HostBytes {
  readonly all: number;
  readonly objects: number;
}

/** What is kept, and what to turn down when it is too much. */
export interface HostNeed {
  /** The phase, for messages. */
  readonly name: string;
  readonly what: string;
  readonly bytes: HostBytes;
  readonly mend: string;
}

/**
 * Of one completion, measured at the fullest moment: its request, what is gathered while it is sampled, its result; and
 * for each token its text.
 */
const COMPLETION_OBJECTS = 8000;
const COMPLETION_TOKEN_OBJECTS = 16;
/** Ids, log-probabilities, and copies of them for rewards and updates. */
const COMPLETION_TOKEN_NUMBERS = 24;
/** Of one training sequence: the objects around its ids, and the ids. */
const SEQUENCE_OBJECTS = 200;
const ID_BYTES = 4;

/** Bytes of so many completions of at most so many tokens. */
export function completionBytes(count: number, tokens: number): HostBytes {
  const objects = count * (COMPLETION_OBJECTS + COMPLETION_TOKEN_OBJECTS * tokens);
  return { objects, all: objects + count * COMPLETION_TOKEN_NUMBERS * tokens };
}

/** Bytes of so many training sequences of so many tokens on average. */
export const sequenceBytes = (count: number, tokens: number): HostBytes => ({
  objects: count * SEQUENCE_OBJECTS,
  all: count * (SEQUENCE_OBJECTS + ID_BYTES * tokens),
});

/** What is free: of memory, and of the objects that Node allows. */
export function freeOnHost(): HostBytes {
  const { heap_size_limit, used_heap_size } = getHeapStatistics();
  return { all: availableBytes(), objects: heap_size_limit - used_heap_size };
}

/** Throws BackendError with the figures and the mend when the need alone exceeds what is free. */
export function refuseHostNeed({ name, what, bytes, mend }: HostNeed, free = freeOnHost()): void {
  const part = bytes.all > free.all ? "all" : "objects";
  if (bytes[part] <= free[part]) return;
  const allowed = part === "all" ? "free" : "allowed by Node (raise it with NODE_OPTIONS=--max-old-space-size=MiB)";
  throw new BackendError(
    `not enough memory: ${name} keeps ${what}, about ${formatMemory(bytes[part])} of host memory, but ` +
      `only ${formatMemory(free[part])} is ${allowed}; ${mend}`,
  );
}
