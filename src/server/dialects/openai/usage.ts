// Token counts as OpenAI's and DeepSeek's clients read them.
import type { MemberWork } from "../../../inference/index.js";
import type { Usage } from "../../replies/reply.js";

/** The `usage` of a completion. */
export const usageBody = ({ promptTokens, completionTokens, thinkingTokens, cachedTokens, members }: Usage) => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
  completion_tokens_details: { reasoning_tokens: thinkingTokens },
  prompt_cache_hit_tokens: cachedTokens,
  prompt_cache_miss_tokens: promptTokens - cachedTokens,
  ...(members && { members: members.map(memberBody) }),
});

/** What a member of a mix did; the counts above are those of the reply alone. */
const memberBody = ({ member, completions, promptTokens, cachedTokens, tokens, flops, seconds }: MemberWork) => ({
  member,
  completions,
  prompt_tokens: promptTokens,
  cached_tokens: cachedTokens,
  completion_tokens: tokens,
  flops,
  seconds,
});
