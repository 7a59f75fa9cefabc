// Protocols by name: how papers sample a model to measure it. Knows no model.

/** How a model is sampled. */
export interface Protocol {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  /** New tokens of a sample at most. */
  readonly maxNewTokens: number;
  /** Whether the thought is opened where the chat template leaves that to the model. */
  readonly forcesThought: boolean;
  /** Samples for each question where no suite says how many. */
  readonly samplesPerProblem: number;
}

/**
 * `r1`: as DeepSeek measures R1 and its distills (arXiv 2501.12948 §3; deepseek-ai/DeepSeek-R1, README, usage
 * recommendations). No system prompt of ours, the answer asked for in a box, k samples of a question.
 */
export const PROTOCOLS = {
  r1: { temperature: 0.6, topP: 0.95, topK: 0, maxNewTokens: 32768, forcesThought: true, samplesPerProblem: 64 },
} as const satisfies Readonly<Record<string, Protocol>>;

/** The name of a protocol. */
export type ProtocolName = keyof typeof PROTOCOLS;

/** All names. */
export const PROTOCOL_NAMES = Object.keys(PROTOCOLS) as readonly ProtocolName[];
