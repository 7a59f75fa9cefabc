// Token counts as OpenAI's and DeepSeek's clients read them.
import type { Usage } from "../../replies/reply.js";

/** The `usage` of a completion. */
export const usageBody = ({ promptTokens, completionTokens, thinkingTokens, cachedTokens }: Usage) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
  completion_tokens_details: { reasoning_tokens: thinkingTokens },
  prompt_cache_hit_tokens: cachedTokens,
  prompt_cache_miss_tokens: promptTokens - cachedTokens,
});
