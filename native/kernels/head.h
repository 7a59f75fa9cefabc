// The output head: log-probabilities and cross-entropy straight from hidden states, in chunks of rows, so that the
// logits of a whole batch never exist. Knows nothing of losses built on top.
//
// Common shapes: h [T,d], f32 or bf16, and W [V,d] of any storage type, packed or row by row, with `scales` for e4m3
// that is not packed (stored-linear.h); targets [T] in [0,V), or -1 for a row that does not count; logits = h W^T,
// which become softCap tanh(logits / softCap) if softCap is not 0, / temperature. A row that does not count (target -1,
// or gradient weight 0) is left out of the matrix products; the other rows' bits do not change. Only f32 and bf16 that
// are not packed have a dW. The source of the chunked, fused form: Hsu et al., Liger Kernel, section 3.2 (fused linear
// cross-entropy).
#pragma once
#include <cstdint>

namespace luciole {

/**
 * logSum[t] = log sum_j exp(logits[t,j] - max_j logits[t,j]), logp[t] = log softmax(logits[t])[targets[t]], entropy[t]
 * (may be null) in nats, meanLogit[t] (may be null) the mean of logits[t] before the temperature; all 0 where the
 * target is -1.
 */
void headLogProb(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                 const int32_t* targets, float* logp, float* logSum, float* entropy, float* meanLogit, int64_t T,
                 int64_t V, int64_t d, float temperature, float softCap, bool bf16Compute);

/**
 * Gradients of sum_t dLogp[t] logp[t], given headLogProb's logSum: dlogits = dLogp (onehot - softmax) / temperature,
 * dh [T,d] = dlogits W, dW [V,d] (+)= dlogits^T h. dh or dW may be null.
 */
void headLogProbBackward(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                         const int32_t* targets, const float* logSum, const float* dLogp, void* dh, int64_t dhType,
                         float* dW, bool accumulateDw, int64_t T, int64_t V, int64_t d, float temperature,
                         float softCap, bool bf16Compute);

/**
 * loss[0] = sum_t weights[t] nll[t], nll[t] = -log softmax(logits)[targets[t]] (0 where the target is -1 or the weight
 * 0), and in the same pass the gradients of loss: dh [T,d] and dW [V,d] (accumulated when accumulateDw); either may be
 * null.
 */
void headCrossEntropy(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                      const int32_t* targets, const float* weights, float* loss, float* nll, void* dh, int64_t dhType,
                      float* dW, bool accumulateDw, int64_t T, int64_t V, int64_t d, float softCap, bool bf16Compute);

/**
 * loss[0] = sum_t weights[t] kl[t], kl[t] the divergence between p and q = softmax(logits[t] / temperature): KL(p||q),
 * or KL(q||p) if `reverse`. p is told by tokens[t][0..k), each once, -1 behind the others, and logProbs[t][0..k], of
 * which the last is that of all other tokens together, for which q is summed up; if all V tokens are told, there are no
 * others. A row whose first token is -1, or whose weight is 0, does not count. In the same pass the gradients of loss,
 * dh [T,d] and dW [V,d]; either may be null.
 */
void headDivergence(const void* h, int64_t hType, const void* W, int64_t wType, bool packed, const float* scales,
                    const int32_t* tokens, const float* logProbs, int64_t k, bool reverse, const float* weights,
                    float* loss, float* kl, void* dh, int64_t dhType, float* dW, int64_t T, int64_t V, int64_t d,
                    float temperature, float softCap, bool bf16Compute);

}  // namespace luciole
