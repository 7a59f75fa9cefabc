// Log-softmax of one row of logits: the one definition that the output head (training) and the sampler (inference)
// share, so that their log-probabilities agree to the bit. Knows nothing of either.
#pragma once
#include <cstdint>

namespace luciole {

/** The largest of n values, NaN left out; -inf for n = 0. */
float rowMax(const float* x, int64_t n);

/** The mean of n values. */
float rowMean(const float* x, int64_t n);

/**
 * 1 / temperature within f32's normal numbers, so that no logit is multiplied by 0 or infinity; 1 for temperature 0.
 * Throws unless temperature >= 0.
 */
float inverseTemperatureOf(float temperature);

/**
 * softmax(logits / temperature) of one row. The largest logit is taken off before the rest is scaled: no size of logits
 * or temperature makes a probability larger than 1. A row with NaN or +inf, or without a logit above -inf, is no
 * distribution: its logSum is NaN.
 */
struct RowSoftmax {
  float max, inverseTemperature;
  /** log sum_j exp((logits[j] - max) * inverseTemperature). */
  float logSum;
  /** The log-probability of a logit. */
  float logProb(float logit) const;
};

/** `entropy` (may be null) receives -sum_j p_j log p_j in nats; asking for it does not change the bits of the rest. */
RowSoftmax rowSoftmax(const float* logits, int64_t n, float inverseTemperature, float* entropy);

/** x[j] = cap tanh(x[j] / cap), in place: a soft cap on logits. */
void capRow(float* x, int64_t n, float cap);

/**
 * logits[j] = scale * (onehot(target)[j] - softmax[j]), in place: the gradient of log-probability times `scale`. For
 * logits that capRow has capped (cap > 0) that of the logits before.
 */
void rowLogProbGradient(float* logits, int64_t n, int64_t target, const RowSoftmax& softmax, float scale, float cap);
/** The same rounded to bf16, n of them from the row's start: half the memory for products that round them anyway. */
void rowLogProbGradientBf16(float* logits, int64_t n, int64_t target, const RowSoftmax& softmax, float scale,
                            float cap);

}  // namespace luciole
