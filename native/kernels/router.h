// The mixture-of-experts gate: scores, group-limited top-k choice, gradients, balance loss and bias update. Knows
// nothing of experts. T tokens, E experts in numGroups equal groups, K chosen per token.
#pragma once
#include <cstdint>

namespace luciole {

/**
 * scores [T,E] = sigmoid (scoring 1) or softmax (0) of logits [T,E]; choice = scores + bias [E] (null: none; for
 * selection only). The topkGroups groups with the highest score are kept (their largest choice for groupScore 0, sum of
 * the two largest for 1), the others masked with -inf; indices [T,K] are the K largest choices left, descending, ties
 * to the lower index; a NaN choice ranks last. weights [T,K] = scores of the chosen, divided by (their sum + 1e-20) if
 * normalize, times scale. Source: DeepSeek-V3 eqs. 12-16 and section 2.1.2; deepseek-ai/DeepSeek-V3@9b4e978
 * inference/model.py Gate.
 */
void routerForward(const float* logits, const float* bias, float* scores, int32_t* indices, float* weights, int64_t T,
                   int64_t E, int64_t K, int64_t numGroups, int64_t topkGroups, int64_t scoring, int64_t groupScore,
                   bool normalize, float scale);

/**
 * dLogits [T,E] from dWeights [T,K] and dScoresExtra [T,E] (a gradient that reaches scores directly, as from
 * balanceLoss); either may be null.
 */
void routerBackward(const float* scores, const int32_t* indices, const float* dWeights, const float* dScoresExtra,
                    float* dLogits, int64_t T, int64_t E, int64_t K, int64_t scoring, bool normalize, float scale);

/**
 * Sequence-wise balance loss, the mean over non-empty sequences of alpha sum_i f_i P_i, and its gradient dScores [T,E]
 * with f constant: f_i = E / (K L) #{t : i in indices[t]}, P_i = mean_t scores[t,i] / sum_j scores[t,j], L the
 * sequence's length. Sequence s is the tokens [cuSeqlens[s], cuSeqlens[s+1]); tokens outside all of them get gradient
 * 0. Source: DeepSeek-V3 eqs. 17-20.
 */
void balanceLoss(const float* scores, const int32_t* indices, const int32_t* cuSeqlens, int64_t numSeqs, float* loss,
                 float* dScores, int64_t T, int64_t E, int64_t K, float alpha);

/** bias[i] -= gamma where load[i] is above the mean load, += gamma where below. Source: DeepSeek-V3 section 2.1.2. */
void routerBiasUpdate(float* bias, const float* load, int64_t E, float gamma);

}  // namespace luciole
