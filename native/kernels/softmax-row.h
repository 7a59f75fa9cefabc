// Log-softmax of one row of logits: the one definition that the output head (training) and the sampler (inference) share,
// so that their log-probabilities agree to the bit. Knows nothing of either.
#pragma once
#include <cstdint>

namespace luciole {

/** The largest of n values, NaN left out; -inf for n = 0. */
float rowMax(const float* x, int64_t n);

/**
 * log sum_j exp(z_j), z = logits * inverseTemperature, as max + log(sum exp(z - max)); NaN if a logit is NaN.
 * `entropy` (may be null) receives -sum_j p_j log p_j in nats; asking for it does not change the result's bits.
 */
float rowLogSumExp(const float* logits, int64_t n, float inverseTemperature, float* entropy);

/** log softmax(z)[target] = z[target] - lse. */
float rowLogProb(const float* logits, int64_t target, float inverseTemperature, float lse);

/** logits[j] = scale * (onehot(target)[j] - softmax(z)[j]), in place: the gradient of log-probability times `scale`. */
void rowLogProbGradient(float* logits, int64_t n, int64_t target, float inverseTemperature, float lse, float scale);
/** The same rounded to bf16, n of them from the row's start: half the memory for products that round them anyway. */
void rowLogProbGradientBf16(float* logits, int64_t n, int64_t target, float inverseTemperature, float lse, float scale);

/** lse [rows] and entropy [rows] (may be null) of logits [rows, V]. */
void logSoftmaxRows(const float* logits, float* lse, float* entropy, int64_t rows, int64_t V);

}  // namespace luciole
