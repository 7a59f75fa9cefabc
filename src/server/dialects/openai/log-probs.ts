// Log-probabilities of tokens as OpenAI's clients read them.
import type { TokenEvent, TokenLogProb } from "../../../inference/index.js";
import type { Tokenizer } from "../../../tokenizer/index.js";

/** JSON has no infinity; OpenAI writes this for "never". */
export const NEVER_LOG_PROB = -9999;

/** A token's entry. */
export function logProbEntry(
  tokenizer: Tokenizer,
  { id, logProb, top = [] }: Pick<TokenEvent, "id" | "logProb" | "top">,
) {
  return { ...described(tokenizer, { id, logProb }), top_logprobs: top.map((each) => described(tokenizer, each)) };
}

function described(tokenizer: Tokenizer, { id, logProb }: TokenLogProb) {
  const token = tokenizer.decode([id]);
  const bytes = tokenizer.tokenBytes?.(id) ?? Buffer.from(token);
  return { token, logprob: Math.max(NEVER_LOG_PROB, logProb), bytes: [...bytes] };
}

/** The `logprobs` of a choice: of the thought and of the answer. */
export function logProbsBody(tokenizer: Tokenizer, tokens: readonly TokenEvent[]) {
  const of = (isThought: boolean) =>
    tokens.filter(({ part }) => (part === "thought") === isThought).map((token) => logProbEntry(tokenizer, token));
  const thought = of(true);
  return { content: of(false), refusal: null, ...(thought.length > 0 && { reasoning_content: thought }) };
}
