// From logits to tokens: penalties, masks, draws, the likeliest. Knows nothing of sequences or requests.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * ids[b] ~ softmax(logits[b] / temperature) limited to: the topK largest (0: off; ties to the lower index), of those
 * the fewest whose renormalised probability reaches topP (1: off), and those with at least minP times the largest
 * probability (0: off). Drawn by inverse CDF in index order: uniforms[b] in [0,1) gives the token. Temperature 0 takes
 * the largest logit (lowest index on ties). logp[b]: log-probability of the chosen token under the full distribution
 * softmax(logits / temperature), or softmax(logits) at temperature 0, with the output head's arithmetic
 * (softmax-row.h): NaN where the row is no distribution. NaN is never drawn. logits [B,V]. settings [B,4] (may be
 * null): each row's temperature, topK, topP, minP, in place of the common ones.
 */
void sampleTokens(const float* logits, const float* uniforms, const float* settings, int32_t* ids, float* logp,
                  int64_t B, int64_t V, float temperature, int64_t topK, float topP, float minP);

/**
 * logits[b, id] = (x > 0 ? x / scale : x * scale) - offset in place, for ids, scales, offsets [cu[b], cu[b+1]) of row
 * b; cu [B+1], rising from 0.
 */
void adjustLogits(float* logits, const int32_t* cu, const int32_t* ids, const float* scales, const float* offsets,
                  int64_t B, int64_t V);

/**
 * logits[rows[m], v] = -inf in place where bit v % 32 of masks[m, v / 32] is 0. rows are distinct. masks [M,
 * ceil(V/32)].
 */
void maskLogits(float* logits, const int32_t* rows, const int32_t* masks, int64_t M, int64_t V);

/**
 * The k likeliest tokens of row rows[r], falling, ties to the lower id: ids [R,k]; logp [R,k] under softmax(logits /
 * temperatures[r]), 0 counting as 1. Where fewer than k logits are numbers, the rest of the ids are -1 with logp NaN.
 */
void topLogProbs(const float* logits, const int32_t* rows, const float* temperatures, int32_t* ids, float* logp,
                 int64_t R, int64_t V, int64_t k);

}  // namespace luciole
