// Drawing next tokens from logits. Knows nothing of sequences or requests.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * ids[b] ~ softmax(logits[b] / temperature) limited to: the topK largest (0: off; ties to the lower index), of those the fewest whose
 * renormalised probability reaches topP (1: off), and those with at least minP times the largest probability (0: off).
 * Drawn by inverse CDF in index order: uniforms[b] in [0,1) gives the token. Temperature 0 takes the largest logit (lowest index on ties).
 * logp[b]: log-probability of the chosen token under the full distribution softmax(logits / temperature), or softmax(logits) at
 * temperature 0, with the output head's arithmetic (softmax-row.h). logits [B,V].
 */
void sampleTokens(const float* logits, const float* uniforms, int32_t* ids, float* logp, int64_t B, int64_t V, float temperature, int64_t topK, float topP,
                  float minP);

}  // namespace luciole
